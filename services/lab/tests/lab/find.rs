//! `lab find`: traces of a running lab by what their spans have.

use std::process::Command;

use crate::process::{Lab, eventually, get};

/// The lines that it prints.
fn found(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    let output = command.arg("find").args(arguments).envs(lab.ports().iter().cloned()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_root_is_found_among_however_many_later_traces_that_have_such_a_span_elsewhere() {
    let lab = Lab::up_with(|c| {
        c.env("LOAD_RATE", "0");
    });
    get(&format!("{}/io_task", lab.url("APP_D_PORT")));
    for _ in 0..12 {
        get(&format!("{}/chain", lab.url("APP_A_PORT")));
    }
    let with_such_a_span = ["service = app-d and name = GET /io_task", "--limit", "99"];
    eventually(|| (found(&lab, &with_such_a_span).len() == 13).then_some(()), || lab.output());
    let found = found(&lab, &["root.service = app-d and root.name = GET /io_task"]);
    let [line] = &found[..] else { panic!("{found:?}") };
    assert!(line.ends_with(" 1 spans   0 errors  app-d  GET /io_task"), "{line}");
}
