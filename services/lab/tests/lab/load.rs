//! `lab load` against services that the test plays.

mod figures;
mod services;
mod steering;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::Lab;
use services::{OK, Requests, VARIABLES, serve, serve_late, start, wait_for};

#[test]
fn load_is_evenly_paced_at_its_rate_over_every_service() {
    let (lab, requests) = start(&["--rate", "200"], &[], OK);
    let all = wait_for(&requests, 600);
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");

    let seconds = all[599].at.duration_since(all[0].at).as_secs_f64();
    assert!((2.7..3.3).contains(&seconds), "600 requests in {seconds} s");
    // No bursts: each half a second has about its share.
    for second in all[..600].chunks(100) {
        let seconds = second[99].at.duration_since(second[0].at).as_secs_f64();
        assert!(seconds > 0.3, "100 requests in {seconds} s");
    }
    let distinct: BTreeSet<_> = all.iter().map(|one| (one.variable, &one.path)).collect();
    assert_eq!(distinct.len(), 28, "{distinct:?}");
    assert!(ended.output.contains("sending 200 requests a second"), "{ended:?}");
    assert!(ended.output.contains(" requests in "), "{ended:?}");
}

#[test]
fn a_service_that_is_down_is_told_once_and_the_others_get_their_requests() {
    let (lab, requests) = start(&["--rate", "100"], &["APP_B_PORT"], OK);
    lab.wait_for("app-b does not answer: not connected");
    wait_for(&requests, 100);
    lab.signal(Signal::INT);
    let ended = lab.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.output.matches("does not answer").count(), 1, "{ended:?}");
    let line = ended.output.lines().find(|line| line.contains(" requests in ")).unwrap();
    assert!(line.contains(" not connected"), "{line}");
}

#[test]
fn a_service_that_comes_back_is_told_once() {
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let lab = Lab::start_with(&["load", "--rate", "50"], |c| {
        for variable in VARIABLES {
            c.env(variable, address.port().to_string());
        }
    });
    lab.wait_for("app-d does not answer");
    serve("any", TcpListener::bind(address).unwrap(), Requests::default(), OK);
    for service in ["app-a", "app-b", "app-c", "app-d"] {
        lab.wait_for(&format!("{service} answers again"));
    }
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert_eq!(ended.output.matches("answers again").count(), 4, "{ended:?}");
}

#[test]
fn a_service_that_waits_for_another_in_vain_is_not_said_to_be_down() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let answers = serve_late(listener);
    let lab = Lab::start_with(&["load", "--rate", "4"], |c| {
        c.envs(VARIABLES.map(|variable| (variable, &port)));
    });
    // More than one: the first was counted by the time the others are answered.
    for _ in 0..4 {
        answers.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert!(ended.output.contains(" status 504"), "{ended:?}");
    assert!(!ended.output.contains("does not answer"), "{ended:?}");
}

#[test]
fn a_rate_of_zero_sends_nothing_and_goes_on() {
    let (lab, requests) = start(&["--rate", "0"], &[], OK);
    lab.wait_for("sending nothing: the rate is 0");
    thread::sleep(Duration::from_millis(300));
    assert!(requests.lock().unwrap().is_empty());
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.output.lines().count(), 1, "{ended:?}");
}

#[test]
fn as_a_part_load_ends_with_its_input_even_while_a_service_does_not_answer() {
    // Connections wait to be accepted, and no request is ever answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let lab = Lab::start_with(&["part", "load", "--rate", "100"], |c| {
        for variable in VARIABLES {
            c.env(variable, &port);
        }
    });
    let _connection = silent.accept().unwrap();
    let begin = Instant::now();
    let ended = lab.end();
    assert!(ended.status.success(), "{ended:?}");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert!(ended.output.contains(" given up"), "{ended:?}");
}

#[test]
fn options_that_make_no_sense_are_refused_by_name() {
    for (option, value) in [
        ("--rate", "1001"),
        ("--for", "0s"),
        ("--for", "long"),
        ("--for", "500000000000years"),
        ("--report", "0s"),
        ("--ramp", "-1s"),
        ("--mix", "app-x/chain"),
        ("--users", "0"),
        ("--seed", "x"),
        ("--sample", "1.5"),
        ("--listen", "8089"),
    ] {
        let ended = Lab::start(&["load", &format!("{option}={value}")]).end();
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        let line = ended.errors.lines().next().unwrap();
        assert!(line.contains(option) && line.contains(value), "{line}");
        assert_eq!(ended.output, "");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Lab::start(&["load", "--listen", &address]).end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.errors.starts_with(&format!("lab: listening on {address}: ")), "{ended:?}");
}
