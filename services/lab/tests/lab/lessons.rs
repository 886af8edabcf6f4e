//! `lab lesson`: what the pages say is what is run, and what is run can fail.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::ports::free_addresses;
use crate::process::{Ended, Lab, PORTS, entries, gone, left_nothing};

const TOKEN: &str = "of-the-lab";

/// A lab that runs, and the variables by which another process finds it.
fn up() -> (Lab, Vec<(&'static str, String)>) {
    let lab = Lab::start_with(&["up"], |command| {
        command.env("ADMIN_TOKEN", TOKEN);
    });
    lab.wait_for("Ctrl-C");
    let mut variables = lab.ports().to_vec();
    variables.push(("ADMIN_TOKEN", TOKEN.to_owned()));
    (lab, variables)
}

/// `lab lesson`, with no program of others at hand.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("lesson").args(arguments).stdin(Stdio::null());
    command.env("LAB_PROGRAMS", "/nonexistent").env_remove("ADMIN_TOKEN");
    // Where there is no lab.
    for (variable, address) in PORTS.iter().zip(free_addresses::<{ PORTS.len() }>()) {
        command.env(variable, address.port().to_string());
    }
    command
}

/// To its end: what it waits for has deadlines of its own.
fn ended(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, output: text(output.stdout), errors: text(output.stderr) }
}

fn lesson(arguments: &[&str], variables: &[(&str, String)]) -> Ended {
    let mut command = command(arguments);
    command.envs(variables.iter().cloned());
    ended(command)
}

#[test]
fn a_lesson_without_a_lab_starts_one_for_itself_and_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    // Whoever listens there says nothing, and is no lab.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = command(&["run", "1"]);
    command.env("TMPDIR", folder.path());
    command.env("APP_A_PORT", other.local_addr().unwrap().port().to_string());
    let ended = ended(command);
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.output.starts_with("no lab runs: this one is the lessons' own"), "{ended:?}");
    let claim = "services of $CHAIN: app-a, app-b, app-c, app-d  (app-a, app-b, app-c, app-d)\n";
    assert!(ended.output.contains(claim), "{ended:?}");
    assert!(ended.output.contains("5 of 5 claims hold"), "{ended:?}");
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn a_lesson_is_done_in_a_lab_that_runs_and_leaves_it_as_it_was() {
    let (lab, variables) = up();
    let ended = lesson(&["run", "2"], &variables);
    assert!(ended.status.success(), "{ended:?}");
    let place = format!("the lab with app-a at {}\n", lab.url("APP_A_PORT"));
    assert!(ended.output.starts_with(&place), "{ended:?}");
    assert!(!ended.output.contains(TOKEN), "the token is told: {ended:?}");
    assert_eq!(faults(&lab), 0);
}

/// How many are on in the service that lesson 3 makes slow.
fn faults(lab: &Lab) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/faults", lab.url("APP_D_ADMIN_PORT"));
        let answer = http.get(url).bearer_auth(TOKEN).send().await.unwrap();
        let told: serde_json::Value = answer.json().await.unwrap();
        told["faults"].as_array().unwrap().len()
    })
}

#[test]
fn an_interrupted_lesson_leaves_nothing_behind() {
    let (lab, variables) = up();
    let folder = tempfile::tempdir().unwrap();
    let interrupted = |arguments: &[&str], variables: &[(&str, String)], shown: &str| {
        let lesson = Lab::start_with(arguments, |command| {
            command.envs(variables.iter().cloned()).env("TMPDIR", folder.path());
            command.env("LAB_PROGRAMS", "/nonexistent");
        });
        lesson.wait_for(shown);
        let children = lesson.descendants();
        assert!(!children.is_empty());
        lesson.signal(Signal::INT);
        let ended = lesson.end();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert_eq!(ended.errors, "lab: interrupted\n");
        left_nothing(&children, folder.path());
    };
    // In a lab of its own, and in another's, which is slow by then.
    interrupted(&["lesson", "run", "1"], &[], "TRACE=");
    interrupted(&["lesson", "run", "3"], &variables, "  $ curl -s $APP_A/chain\n");
    assert_eq!(faults(&lab), 0);
}

#[test]
fn a_lesson_that_is_killed_leaves_no_process_behind() {
    let lesson = Lab::start_with(&["lesson", "run", "1"], |command| {
        command.env("LAB_PROGRAMS", "/nonexistent");
    });
    lesson.wait_for("TRACE=");
    let children = lesson.descendants();
    assert!(children.len() > 7, "{children:?}");
    lesson.signal(Signal::KILL);
    gone(&children);
}

#[test]
fn what_was_typed_by_hand_is_checked_by_its_ids() {
    let (lab, variables) = up();
    let id = |path: &str| {
        let answer = crate::process::get(&format!("{}{path}", lab.url("APP_A_PORT")));
        answer["trace_id"].as_str().unwrap().to_owned()
    };
    let chain = format!("CHAIN={}", id("/chain"));
    // Nothing has failed in this one.
    let other = format!("FAILED={}", id("/chain"));
    let ended = lesson(&["check", "1", &chain, &other], &variables);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let failed = "spans of $FAILED where status = error\n          expected  1\n          \
                  seen      0 of 10 spans\n";
    assert!(ended.output.contains(failed), "{ended:?}");
    assert!(ended.output.contains("FAILED: 4 of 5 claims hold"), "{ended:?}");

    let ended = lesson(&["check", "1", &chain], &variables);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("FAILED is missing; give it as FAILED=VALUE"), "{ended:?}");
}

#[test]
fn nothing_is_checked_where_no_lab_runs() {
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let ended = lesson(&["check", "1", &format!("CHAIN={id}"), &format!("FAILED={id}")], &[]);
    assert_eq!((ended.status.code(), ended.output.as_str()), (Some(1), ""), "{ended:?}");
    let told =
        ended.errors.strip_prefix("lab: checking lesson 1: no lab runs at http://127.0.0.1:");
    assert!(told.unwrap().ends_with(": start one, `cargo run --release`\n"), "{ended:?}");
}

#[test]
fn what_rust_alone_cannot_have_is_named_and_all_else_of_the_lesson_is_done() {
    let ended = lesson(&["run", "4"], &[]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let told = "6 of 6 claims hold; LEFT OUT for lack of loki, jaeger, collector: 4. From a line to \
                its trace\n\n`e2e/programs jaeger collector loki` builds what is missing\n";
    assert!(ended.output.ends_with(told), "{ended:?}");
    assert!(!ended.output.contains("loki/api"), "{ended:?}");
}

#[test]
fn a_whole_lesson_that_lacks_something_is_named() {
    let mut command = command(&["run", "8"]);
    // No repository is above it.
    command.current_dir(std::env::temp_dir());
    let ended = ended(command);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.output.ends_with("LEFT OUT for lack of cargo\n"), "{ended:?}");
}

#[test]
fn a_command_that_fails_ends_the_lesson_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let curl = folder.path().join("curl");
    std::os::unix::fs::symlink("/bin/false", curl).unwrap();
    let mut command = command(&["run", "1"]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.path().display()));
    let ended = ended(command);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(
        ended.output.contains("BROKEN  \"1. Send a request\": a command failed\n"),
        "{ended:?}"
    );
    assert!(ended.output.ends_with("BROKEN at \"1. Send a request\"\n"), "{ended:?}");
}

#[test]
fn there_is_a_list_and_no_lesson_beyond_it() {
    let ended = lesson(&["list"], &[]);
    assert_eq!(ended.output.lines().count(), 8, "{ended:?}");
    let needs = "  needs ADMIN_TOKEN  some steps prometheus, collector, jaeger\n";
    assert!(ended.output.contains(needs), "{ended:?}");
    let ended = lesson(&["run", "9"], &[]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("there is no lesson 9, but 1 to 8"), "{ended:?}");
}

/// Of the first lesson, which has a change of each kind. Of all: `.ci/full`.
#[test]
#[ignore = "a lab for each claim; run by .ci/run"]
fn each_claim_of_the_first_lesson_fails_without_its_cause_and_it_alone() {
    let ended = lesson(&["prove", "1"], &[]);
    println!("{}", ended.output);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.output.matches("  fails, and it alone\n").count(), 5, "{ended:?}");
}
