//! `lab doctor` where nothing works.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::ports::free_address;
use crate::process::{Lab, PORTS};

const WITH: &str = "jaeger,collector,prometheus,loki,grafana";

#[test]
fn parts_that_accept_and_never_answer_do_not_hold_the_doctor_beyond_its_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let start = Instant::now();
    let arguments = ["doctor", "--with", WITH, "--deadline", "2s", "--json"];
    let doctor = Lab::start_with(&arguments, |c| {
        c.envs(PORTS.map(|variable| (variable, &port)));
    });
    let ended = doctor.end_by_itself();
    // Two seconds, and what a busy machine adds.
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let report: serde_json::Value = serde_json::from_str(&ended.output).unwrap();
    let statuses = |status: &str| {
        let links = report["links"].as_array().unwrap().iter();
        links.filter(|link| link["status"] == status).count()
    };
    // Each part; then what each signal needs is missing, and the machine is well.
    assert_eq!((statuses("broken"), statuses("skipped")), (11, 10), "{report:#}");
}

#[test]
fn a_console_that_does_not_answer_is_named_alone_and_with_its_variable() {
    let lab = Lab::up();
    let nobody = free_address().port().to_string();
    for (moved, expected) in [(None, &[][..]), (Some(&nobody), &["console"])] {
        let doctor = Lab::start_with(&["doctor", "--json", "--deadline", "30s"], |c| {
            c.envs(lab.ports().iter().cloned()).envs(moved.map(|port| ("CONSOLE_PORT", port)));
        });
        let ended = doctor.end_by_itself();
        let report: serde_json::Value = serde_json::from_str(&ended.output).unwrap();
        let links = report["links"].as_array().unwrap();
        let broken: Vec<_> = links.iter().filter(|link| link["status"] != "ok").collect();
        assert!(broken.iter().map(|link| &link["link"]).eq(expected), "{report:#}");
        let causes = broken.iter().map(|link| link["cause"].as_str().unwrap());
        for cause in causes {
            assert_eq!(cause, "console is not running, or its port was moved by CONSOLE_PORT");
        }
    }
}

#[test]
fn a_deadline_that_no_clock_reaches_is_refused() {
    let ended = Lab::start(&["doctor", "--deadline", "500000000000y"]).end_by_itself();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.errors.contains("expected at most a day"), "{ended:?}");
}
