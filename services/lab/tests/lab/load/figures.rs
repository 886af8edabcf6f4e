//! What is told of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::services::{Answer, Asked, OK, start};
use crate::process::Ended;

/// The summary of a run that ended by itself.
fn summary(ended: &Ended) -> Value {
    assert!(ended.status.success(), "{ended:?}");
    serde_json::from_str(&ended.output).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn run(arguments: &[&str], answer: Answer) -> (Value, Vec<Asked>) {
    let (lab, requests) = start(&[arguments, &["--json"]].concat(), &[], answer);
    let ended = lab.end_by_itself();
    assert!(ended.errors.starts_with("sending "), "{ended:?}");
    let requests = requests.lock().unwrap().clone();
    (summary(&ended), requests)
}

/// How often each path was asked for.
fn counts(requests: &[Asked]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for asked in requests {
        *counts.entry(&*asked.path).or_default() += 1;
    }
    counts
}

const MIX: &str = "/chain:3,/items/7,app-b/random_sleep";

#[test]
fn for_so_long_exactly_as_many_are_sent_as_rate_and_mix_say() {
    let (told, requests) = run(&["--rate", "100", "--for", "1s", "--mix", MIX, "--seed", "7"], OK);
    let expected = BTreeMap::from([("/chain", 60), ("/items/7", 20), ("/random_sleep", 20)]);
    assert_eq!(counts(&requests), expected);
    let mut sleeps = requests.iter().filter(|asked| asked.path == "/random_sleep");
    assert!(sleeps.all(|asked| asked.variable == "APP_B_PORT"));

    assert_eq!((&told["requests"], &told["seconds"]), (&100.into(), &1.0.into()));
    let (left_out, failed) = (&told["left_out"], &told["failed"]);
    assert_eq!((left_out, failed, &told["under_way"]), (&0.into(), &0.into(), &0.into()));
    let paths = told["paths"].as_array().unwrap().iter();
    let paths = paths.map(|path| (path["path"].as_str().unwrap(), path["requests"].as_u64()));
    let expected = [("/chain", Some(60)), ("/items/7", Some(20)), ("app-b/random_sleep", Some(20))];
    assert_eq!(paths.collect::<Vec<_>>(), expected);
}

#[test]
fn over_a_ramp_half_as_many_are_sent() {
    let (told, requests) = run(&["--rate", "200", "--for", "2s", "--ramp", "2s"], OK);
    assert_eq!(told["requests"], 200);
    let middle = requests[0].at + Duration::from_secs(1);
    let early = requests.iter().filter(|asked| asked.at < middle).count();
    assert!((40..=60).contains(&early), "{early} of 200 in the first half");
}

/// No answer for a second, once the first hundred are there.
fn stalled(_: &Asked, number: usize) -> (u16, String) {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    if number >= 100 {
        let end = *BEGIN.get_or_init(Instant::now) + Duration::from_secs(1);
        thread::sleep(end.saturating_duration_since(Instant::now()));
    }
    (200, String::new())
}

#[test]
fn a_stall_shows_with_every_request_that_came_meanwhile() {
    let (told, requests) = run(&["--rate", "100", "--for", "3s"], stalled);
    assert_eq!(told["requests"], 300, "{told:#}");
    // A third came in the stall, and waited for half a second on average. A load that waits for
    // answers before it sends more would have but a few that did.
    let latency = |name: &str| told["latency_ms"][name].as_f64().unwrap();
    assert!((600.0..900.0).contains(&latency("p90")), "{told:#}");
    assert!((900.0..1_500.0).contains(&latency("max")), "{told:#}");
    assert!(latency("p50") < 300.0, "{told:#}");
    // And they did come, each at its time.
    let gaps = requests.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at));
    assert!(gaps.max().unwrap() < Duration::from_millis(500));
}

fn by_path(asked: &Asked, _: usize) -> (u16, String) {
    match &*asked.path {
        "/slow" => {
            thread::sleep(Duration::from_millis(300));
            (200, String::new())
        }
        "/error_test" => (500, String::new()),
        "/missing" => (404, String::new()),
        _ => (200, String::new()),
    }
}

#[test]
fn the_traces_of_the_slowest_and_of_those_that_failed_are_told() {
    let mix = "/chain:7,/error_test,/slow,/missing";
    let (told, requests) = run(&["--rate", "100", "--for", "1s", "--mix", mix], by_path);
    let sent = |path: &str| {
        let of_path = requests.iter().filter(move |asked| asked.path == path);
        of_path.map(|asked| asked.trace_id().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let shown = |list: &str| {
        let list = told[list].as_array().unwrap().iter();
        list.map(|shown| shown["trace_id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let (failed, slowest) = (shown("failures"), shown("slowest"));
    assert_eq!((failed.len(), &failed), (10, &sent("/error_test")));
    assert!(slowest.len() == 5 && slowest.is_subset(&sent("/slow")), "{told:#}");
    assert!(told["failures"].as_array().unwrap().iter().all(|one| one["sampled"] == true));
    assert_eq!((&told["failed"], &told["outcomes"]["status 404"]), (&10.into(), &10.into()));
    let all: BTreeSet<_> = requests.iter().filter_map(Asked::trace_id).collect();
    assert_eq!(all.len(), 100, "two requests are in one trace");
}

#[test]
fn what_is_not_sampled_is_told_apart() {
    let (told, requests) = run(&["--rate", "50", "--for", "1s", "--sample", "0"], OK);
    assert!(requests.iter().all(|asked| asked.headers["traceparent"].ends_with("-00")));
    assert!(told["slowest"].as_array().unwrap().iter().all(|one| one["sampled"] == false));

    let arguments = ["--rate", "50", "--for", "1s", "--mix", "/chain,/", "--sample", "services"];
    let (lab, requests) = start(&arguments, &[], |asked, _| match &*asked.path {
        "/chain" => {
            thread::sleep(Duration::from_millis(100));
            (200, r#"{"trace_id": "4bf92f35", "sampled": false}"#.to_owned())
        }
        _ => (500, "{}".to_owned()),
    });
    let ended = lab.end_by_itself();
    assert!(requests.lock().unwrap().iter().all(|asked| asked.trace_id().is_none()));
    assert_eq!(ended.output.matches("  4bf92f35 not sampled\n").count(), 5, "{ended:?}");
    assert_eq!(ended.output.matches("  trace not told\n").count(), 10, "{ended:?}");
}

#[test]
fn each_request_is_of_one_of_the_users() {
    let (_, requests) = run(&["--rate", "100", "--for", "1s", "--users", "3"], OK);
    let users: BTreeSet<_> = requests.iter().map(|asked| &*asked.headers["baggage"]).collect();
    assert_eq!(users, BTreeSet::from(["user.id=0", "user.id=1", "user.id=2"]));
    let (_, requests) = run(&["--rate", "50", "--for", "1s"], OK);
    assert!(requests.iter().all(|asked| !asked.headers.contains_key("baggage")));
}

#[test]
fn a_run_tells_now_and_then_how_it_goes() {
    let (lab, _) = start(&["--rate", "100", "--report", "200ms"], &[], OK);
    lab.wait_for(" ms: ");
    let output = lab.output();
    let line = output.lines().find(|line| line.contains(" requests in ")).unwrap();
    assert!(line.contains(" a second, p99 ") && line.ends_with(" ok"), "{line}");
    lab.signal(Signal::INT);
    assert!(lab.end_by_itself().status.success());
}

#[test]
fn an_interrupted_run_tells_its_figures() {
    let (lab, requests) = start(&["--rate", "100"], &[], by_path);
    super::wait_for(&requests, 60);
    lab.signal(Signal::INT);
    let ended = lab.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");
    for text in ["p99.9", "\n  /chain ", "\n  all ", "the slowest", "that failed", "/trace/ID"] {
        assert!(ended.output.contains(text), "{text}: {}", ended.output);
    }
    assert!(!ended.output.contains(['\r', '\x1b']), "{ended:?}");
}
