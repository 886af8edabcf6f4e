//! `lab lesson`: what the pages say is what is run, and what is run can fail.

use std::process::{Command, Stdio};

use crate::ports::free_addresses;
use crate::process::{Ended, Lab, PORTS};

const WITH: &str = "jaeger,collector,prometheus,loki";

/// The variables of ports of a lab that runs, for another process.
fn up() -> (Lab, Vec<(String, String)>) {
    let mut ports = Vec::new();
    let keep = |command: &mut Command| {
        command.env("ADMIN_TOKEN", "of-the-lab");
        let set =
            command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        let kept = set.filter(|(name, _)| PORTS.contains(name) || *name == "ADMIN_TOKEN");
        ports = kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    };
    let lab = Lab::start_with(&["up"], keep);
    lab.wait_for("Ctrl-C");
    (lab, ports)
}

/// `lab lesson`, to its end: what it waits for has deadlines of its own. Without the variables of a
/// lab, there is none where it looks.
fn lesson(arguments: &[&str], variables: &[(String, String)]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    for (variable, address) in PORTS.iter().zip(free_addresses::<{ PORTS.len() }>()) {
        command.env(variable, address.port().to_string());
    }
    command.env_remove("ADMIN_TOKEN").envs(variables.iter().cloned());
    let output = command.arg("lesson").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, output: text(output.stdout), errors: text(output.stderr) }
}

#[test]
fn a_lesson_without_a_lab_starts_one_for_itself_and_ends_it() {
    let ended = lesson(&["run", "1"], &[]);
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.output.contains("this one is the lessons' own"), "{ended:?}");
    // As the page has them.
    assert!(ended.output.contains("\n  $ curl -s $APP_A/chain\n"), "{ended:?}");
    let claim = "services of $CHAIN: app-a, app-b, app-c, app-d  (app-a, app-b, app-c, app-d)\n";
    assert!(ended.output.contains(claim), "{ended:?}");
    assert!(ended.output.contains("4 of 4 claims hold"), "{ended:?}");
}

#[test]
fn every_lesson_that_needs_no_other_part_is_done_in_a_lab_that_runs() {
    let (_lab, variables) = up();
    let ended = lesson(&["run", "1", "2", "3", "6", "7", "--complete"], &variables);
    assert!(ended.status.success(), "{ended:?}");
    let address = variables.iter().find(|(name, _)| name == "APP_A_PORT").unwrap();
    let place = format!("the lab with app-a at http://127.0.0.1:{}\n", address.1);
    assert!(ended.output.starts_with(&place), "{ended:?}");
    assert!(!ended.output.contains("of-the-lab"), "the token is told: {ended:?}");
}

#[test]
fn what_was_typed_by_hand_is_checked_by_its_ids() {
    let (_lab, variables) = up();
    let port = &variables.iter().find(|(name, _)| name == "APP_A_PORT").unwrap().1;
    let id = |path: &str| {
        let answer = crate::process::get(&format!("http://127.0.0.1:{port}{path}"));
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
    assert!(ended.output.contains("FAILED: 3 of 4 claims hold"), "{ended:?}");

    let ended = lesson(&["check", "1", &chain], &variables);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("FAILED is missing; give it as FAILED=VALUE"), "{ended:?}");
}

#[test]
fn a_lesson_that_lacks_a_part_is_named_and_only_fails_where_all_are_wanted() {
    for (complete, code) in [(&[][..], 0), (&["--complete"], 1)] {
        let ended = lesson(&[&["run", "1", "4"], complete].concat(), &[]);
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(ended.output.contains("left out: needs loki, jaeger, collector\n"), "{ended:?}");
        assert!(ended.output.contains("4 of 4 claims hold"), "{ended:?}");
    }
}

#[test]
fn there_is_a_list_and_no_lesson_beyond_it() {
    let ended = lesson(&["list"], &[]);
    assert_eq!(ended.output.lines().count(), 8, "{ended:?}");
    let ended = lesson(&["run", "9"], &[]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("there is no lesson 9, but 1 to 8"), "{ended:?}");
}

#[test]
#[ignore = "needs e2e/programs jaeger collector prometheus loki; run by .ci/run"]
fn every_lesson_is_done_with_the_real_programs() {
    let ended = lesson(&["run", "--all", "--complete", "--with", WITH], &[]);
    assert!(ended.status.success(), "{ended:?}");
}

/// That each claim fails without its cause, and no other of its lesson.
fn prove(number: &str, with: &[&str]) {
    let ended = lesson(&[&["prove", number], with].concat(), &[]);
    println!("{}", ended.output);
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
#[ignore = "a lab for each claim; run by .ci/run"]
fn each_claim_of_what_a_trace_is_fails_without_its_cause() {
    prove("1", &[]);
}

#[test]
#[ignore = "a lab for each claim; run by .ci/run"]
fn each_claim_of_context_fails_without_its_cause() {
    prove("2", &[]);
}

#[test]
#[ignore = "a lab for each claim; run by .ci/run"]
fn each_claim_of_waterfalls_fails_without_its_cause() {
    prove("3", &[]);
}

#[test]
#[ignore = "needs e2e/programs jaeger collector loki; run by .ci/run"]
fn each_claim_of_logs_fails_without_its_cause() {
    prove("4", &["--with", "jaeger,collector,loki"]);
}

#[test]
#[ignore = "needs e2e/programs jaeger collector prometheus; run by .ci/run"]
fn each_claim_of_red_metrics_fails_without_its_cause() {
    prove("5", &["--with", "jaeger,collector,prometheus"]);
}

#[test]
#[ignore = "a lab for each claim; run by .ci/run"]
fn each_claim_of_baggage_and_sampling_fails_without_its_cause() {
    prove("6", &[]);
}

#[test]
#[ignore = "a lab for each claim; run by .ci/run"]
fn each_claim_of_storage_and_search_fails_without_its_cause() {
    prove("7", &[]);
}

#[test]
#[ignore = "builds a crate with all that it depends on; run by .ci/run"]
fn each_claim_of_ones_own_service_fails_without_its_cause() {
    prove("8", &[]);
}
