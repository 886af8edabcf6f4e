//! A run that is changed while it goes on.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{HOST, HeaderName, ORIGIN};
use rustix::process::Signal;
use serde_json::Value;

use super::services::{OK, VARIABLES, start, wait_for};
use crate::process::{Lab, eventually, get};

/// Where the load listens, as its first line says.
fn address(lab: &Lab) -> String {
    lab.wait_for("curl -d rate=NUMBER ");
    let output = lab.output();
    let (_, rest) = output.split_once("curl -d rate=NUMBER ").unwrap();
    format!("http://{}", rest.split_whitespace().next().unwrap())
}

/// Sends a form, as `curl -d` does.
fn post(url: &str, form: &'static str, header: Option<(HeaderName, &str)>) -> (StatusCode, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = http.post(url).body(form);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    })
}

#[test]
fn rate_and_mix_change_while_load_is_sent() {
    let (lab, requests) = start(&["--rate", "0"], &[], OK);
    let url = address(&lab);
    let (status, body) = post(&url, "rate=100&mix=/chain:2,POST app-c/orders", None);
    assert_eq!(status, StatusCode::OK, "{body}");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&told["rate"], &told["mix"]),
        (&100.0.into(), &"/chain:2,POST app-c/orders:1".into())
    );
    lab.wait_for("sending 100 requests a second\n");
    let all = wait_for(&requests, 60);
    for asked in &all {
        let expected =
            if asked.is_post { ("/orders", "APP_C_PORT") } else { ("/chain", asked.variable) };
        assert_eq!((&*asked.path, asked.variable), expected);
    }
    assert!(all.iter().any(|asked| asked.is_post));
    let seconds = all[59].at.duration_since(all[0].at).as_secs_f64();
    assert!((0.5..1.0).contains(&seconds), "60 requests in {seconds} s");

    // What is not told stays as it is.
    assert_eq!(post(&url, "rate=10", None).0, StatusCode::OK);
    let told = get(&url);
    assert_eq!(
        (&told["rate"], &told["mix"]),
        (&10.0.into(), &"/chain:2,POST app-c/orders:1".into())
    );
    assert_eq!(post(&url, "mix=", None).0, StatusCode::OK);
    eventually(
        || requests.lock().unwrap().iter().any(|asked| asked.path == "/io_task").then_some(()),
        || "the default mix is not back".to_owned(),
    );
    lab.signal(Signal::INT);
    assert!(lab.end_by_itself().status.success());
}

#[test]
fn a_change_that_makes_no_sense_is_refused_whole_and_a_page_has_no_say() {
    let (lab, _) = start(&["--rate", "0"], &[], OK);
    let url = address(&lab);
    for (form, problem) in [
        ("rate=2000", "rate: expected a number from 0 to 1000\n"),
        ("rate=", "rate: expected a number from 0 to 1000\n"),
        ("rate=5&mix=app-x/", "mix: app-x/: there is no service app-x\n"),
    ] {
        assert_eq!(post(&url, form, None), (StatusCode::BAD_REQUEST, problem.to_owned()));
    }
    let (status, problem) = post(&url, "speed=5", None);
    assert_eq!((status, problem.lines().count()), (StatusCode::BAD_REQUEST, 1), "{problem}");
    for header in [(ORIGIN, "https://example.com"), (HOST, "rebound.example")] {
        assert_eq!(post(&url, "rate=5", Some(header)).0, StatusCode::FORBIDDEN);
    }
    assert_eq!(get(&url)["rate"], 0.0);
    // As a container beside it calls it.
    assert_eq!(post(&url, "rate=1", Some((HOST, "load:8089"))).0, StatusCode::OK);
}

#[test]
fn what_is_not_sent_since_too_many_are_under_way_is_counted_and_said() {
    // Connections wait to be accepted, and no request is ever answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let begin = Instant::now();
    let lab = Lab::start_with(&["load", "--rate", "1000", "--for", "1m"], |c| {
        c.envs(VARIABLES.map(|variable| (variable, &port)));
    });
    let url = address(&lab);
    let told = eventually(
        || Some(get(&url)).filter(|told| told["left_out"].as_u64() > Some(100)),
        || "nothing is left out".to_owned(),
    );
    assert_eq!((&told["under_way"], &told["requests"]), (&500.into(), &0.into()));
    lab.signal(Signal::INT);
    let ended = lab.end_by_itself();
    assert!(begin.elapsed() < Duration::from_secs(15), "it waited for answers");
    assert!(ended.output.contains(" left out, since too many were under way"), "{ended:?}");
    assert!(ended.output.contains(", and 500 given up, which no figure has\n"), "{ended:?}");
}

#[test]
fn while_the_last_answers_are_waited_for_only_these_are_under_way_and_nothing_changes() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let lab = Lab::start_with(&["load", "--rate", "100", "--for", "200ms"], |c| {
        c.envs(VARIABLES.map(|variable| (variable, &port)));
    });
    let url = address(&lab);
    let told = eventually(
        || Some(get(&url)).filter(|told| told["seconds"] == 0.2),
        || "its time is not over".to_owned(),
    );
    let counts = ["under_way", "left_out", "paused"].map(|count| told[count].as_u64().unwrap());
    assert_eq!(counts.iter().sum::<u64>(), 20, "{told}");
    eventually(
        || (post(&url, "rate=100", None).0 == StatusCode::CONFLICT).then_some(()),
        || "a change is taken that has no effect".to_owned(),
    );
    lab.signal(Signal::INT);
    assert!(lab.end_by_itself().status.success());
}
