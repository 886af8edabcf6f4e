//! Incidents from the command line, in a lab that runs.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{Lab, get, left_nothing, processes};

/// What `lab scenario` of this lab's console answers, with this on its standard input.
fn scenario(console: &str, arguments: &[&str], input: &str) -> Output {
    let port = console.rsplit(':').next().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("scenario").args(arguments).env("CONSOLE_PORT", port);
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_incident_is_begun_answered_too_early_revealed_and_over() {
    let lab = Lab::up();
    let console = lab.url("CONSOLE_PORT");
    let list = text(&scenario(&console, &["list"], "").stdout);
    assert!(list.contains("  cache-lost ") && list.contains("  slow-database "), "{list}");

    let begun = scenario(&console, &["run", "cache-lost", "--seed", "2", "--fast"], "");
    assert!(begun.status.success(), "{begun:?}");
    let told = text(&begun.stdout);
    assert!(told.contains("cache-lost, seed 2") && told.contains("Answer  lab scenario"), "{told}");
    let again = scenario(&console, &["run"], "");
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).starts_with("lab: there is an incident already"), "{again:?}");

    let early = scenario(&console, &["answer", "--cause", "nothing"], "");
    assert_eq!(early.status.code(), Some(1));
    assert!(text(&early.stderr).contains("not enough to see yet"), "{early:?}");
    let hint = text(&scenario(&console, &["hint"], "").stdout);
    assert!(hint.starts_with("1. Compare"), "{hint}");

    let solution = scenario(&console, &["reveal"], "");
    assert!(solution.status.success(), "{solution:?}");
    assert!(text(&solution.stdout).contains("cache-lost, seed 2: "), "{solution:?}");
    let state = get(&format!("{console}/api/incident"));
    assert_eq!(state["status"], "revealed");
    assert_eq!(get(&lab.url("LOAD_PORT"))["mix"], "");
}

#[test]
fn all_scenarios_end_no_incident_of_somebody_else() {
    let lab = Lab::up();
    let console = lab.url("CONSOLE_PORT");
    let begun = scenario(&console, &["run", "cache-lost", "--fast"], "");
    assert!(begun.status.success(), "{begun:?}");
    let mut all = Command::new(env!("CARGO_BIN_EXE_lab"));
    all.args(["scenario", "run", "--all", "--fast"]).envs(lab.ports().iter().cloned());
    let refused = all.output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text(&refused.stderr).contains("there is an incident already"), "{refused:?}");
    let state = get(&format!("{console}/api/incident"));
    assert_eq!(
        (&state["status"], &state["incident"]["name"]),
        (&"begun".into(), &"cache-lost".into())
    );
}

#[test]
fn a_blind_incident_is_named_by_nothing_that_somebody_else_can_see() {
    let lab = Lab::up();
    let console = lab.url("CONSOLE_PORT");
    for arguments in [&["run", "n-plus-one", "--blind"][..], &["run", "--blind", "n-plus-one"]] {
        let refused = scenario(&console, arguments, "");
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("is for everyone to see"), "{refused:?}");
    }
    let begun = scenario(&console, &["run", "-", "--blind", "--fast"], "n-plus-one\n");
    assert!(begun.status.success(), "{begun:?}");
    let page = page(&format!("{console}/incidents"));
    // Each is among those that can be begun, and this is not the time.
    let seen = [
        text(&begun.stdout),
        text(&scenario(&console, &["status"], "").stdout),
        get(&format!("{console}/api/incident")).to_string(),
        lab.output(),
        processes().into_iter().map(|it| it.command).collect::<Vec<_>>().join("\n"),
    ];
    for seen in seen {
        assert!(!seen.contains("n-plus-one") && !seen.contains("n_plus_one"), "{seen}");
    }
    assert!(page.contains("The incident") && !page.contains("/incidents/run"), "{page}");
    let stopped = text(&scenario(&console, &["stop"], "").stdout);
    assert!(stopped.contains("stopped") && stopped.contains("blind"), "{stopped}");
}

#[test]
fn a_lab_that_is_ended_during_an_incident_waits_for_nothing_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::up_in(folder.path());
    let children = lab.descendants();
    let begun = scenario(&lab.url("CONSOLE_PORT"), &["run", "--blind", "--fast"], "");
    assert!(begun.status.success(), "{begun:?}");
    let began = Instant::now();
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert!(ended.status.success() && began.elapsed() < Duration::from_secs(20), "{ended:?}");
    left_nothing(&children, folder.path());
}

#[test]
fn all_scenarios_have_a_lab_of_their_own_where_none_runs_which_an_interrupt_ends() {
    let folder = tempfile::tempdir().unwrap();
    let run = Lab::start_with(&["scenario", "run", "--all", "--fast"], |command| {
        command.env("TMPDIR", folder.path()).env("LAB_PROGRAMS", "/nonexistent");
    });
    run.wait_for("no lab runs: this one is the scenarios' own, and ends with them");
    let children = run.descendants();
    assert_eq!(children.len(), 7, "{children:?}");
    run.signal(Signal::TERM);
    let ended = run.end_by_itself();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("lab: interrupted"), "{ended:?}");
    left_nothing(&children, folder.path());
}

fn page(url: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        http.get(url).send().await.unwrap().text().await.unwrap()
    })
}
