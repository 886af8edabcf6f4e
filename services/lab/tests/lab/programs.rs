//! The lab with all that it can have, on the real programs.

use std::path::Path;

use rustix::process::Signal;

use crate::process::{Ended, Lab, Process, entries, left_nothing};

const WITH: &str = "jaeger,collector,prometheus,loki";

/// The lab with everything, ready, its folders in `folder`.
fn whole(folder: &Path) -> (Lab, Vec<Process>) {
    let lab = Lab::start_with(&["up", "--with", WITH], |c| {
        c.env("TMPDIR", folder);
    });
    lab.wait_for("The lab is up.");
    let processes = lab.descendants();
    // Spoor, four services, the load and the console; four guards and their programs.
    assert_eq!(processes.len(), 15, "{processes:?}");
    // Of spoor, Prometheus and Loki.
    assert_eq!(entries(folder), 3);
    (lab, processes)
}

#[test]
#[ignore = "needs e2e/programs jaeger collector prometheus loki; run by .ci/run"]
fn an_interrupted_lab_leaves_no_program_and_no_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, processes) = whole(folder.path());
    lab.signal(Signal::INT);
    let ended = lab.end();
    assert!(ended.status.success(), "{ended:?}");
    left_nothing(&processes, folder.path());
}

#[test]
#[ignore = "needs e2e/programs jaeger collector prometheus loki; run by .ci/run"]
fn a_killed_lab_leaves_no_program_and_no_folder_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (lab, processes) = whole(folder.path());
    lab.signal(Signal::KILL);
    left_nothing(&processes, folder.path());
}

#[test]
#[ignore = "needs e2e/programs jaeger collector prometheus loki; run by .ci/run"]
fn a_program_or_its_guard_that_dies_ends_the_lab_and_is_named() {
    for (part, guard) in [("jaeger", true), ("prometheus", true), ("loki", false)] {
        let folder = tempfile::tempdir().unwrap();
        let (lab, processes) = whole(folder.path());
        let its_guard = processes.iter().find(|process| process.has_argument(part)).unwrap();
        let program = processes.iter().find(|process| process.parent == its_guard.id).unwrap();
        if guard {
            its_guard.kill();
        } else {
            program.kill();
        }
        let Ended { status, errors, .. } = lab.end();
        assert_eq!(status.code(), Some(1), "{errors}");
        assert!(errors.contains(&format!("lab: {part} ended: ")), "{errors}");
        left_nothing(&processes, folder.path());
    }
}

#[test]
#[ignore = "needs e2e/programs jaeger; run by .ci/run"]
fn through_jaeger_the_trace_is_the_same() {
    let ended = Lab::start(&["up", "--once", "--with", "jaeger"]).end();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.output.contains("app-d  GET /io_task"), "{ended:?}");
}
