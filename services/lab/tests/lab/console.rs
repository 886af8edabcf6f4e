//! The console as a part of the lab, and what the lab does for it.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;

use reqwest::Method;
use rustix::process::Signal;

use crate::SERVICES;
use crate::ports::free_address;
use crate::process::{Lab, eventually, get, get_with, status};

/// Another console of this lab, at its URL.
fn console_of(lab: &Lab, change: impl FnOnce(&mut Command)) -> (Lab, String) {
    let address = free_address();
    let console = Lab::start_with(&["console"], |c| {
        c.envs(lab.ports().iter().cloned()).env("CONSOLE_PORT", address.port().to_string());
        change(c);
    });
    let url = format!("http://{address}");
    let is_there = || std::net::TcpStream::connect(address).ok();
    eventually(is_there, || format!("nobody is at {url}"));
    (console, url)
}

/// The secret of the lab's services.
fn admin_token(lab: &Lab) -> String {
    let output = lab.output();
    let (_, after) = output.split_once("Authorization: Bearer ").unwrap();
    after.split('\'').next().unwrap().to_owned()
}

/// Those of a service that are on.
fn faults(lab: &Lab, service: &str) -> serde_json::Value {
    let variable = format!("{}_ADMIN_PORT", service.to_uppercase().replace('-', "_"));
    let bearer = format!("Bearer {}", admin_token(lab));
    let mut told =
        get_with(&format!("{}/faults", lab.url(&variable)), &[("authorization", &bearer)]);
    told["faults"].take()
}

fn page(url: &str) -> String {
    ask(Method::GET, url, String::new()).1
}

/// What a form of the console answers, once the browser was led to wherever it leads.
fn post(console: &str, path: &str, fields: &str) -> (u16, String) {
    let token = get(&format!("{console}/api/token"));
    let body = format!("{fields}&token={}", token["token"].as_str().unwrap());
    ask(Method::POST, &format!("{console}{path}"), body)
}

fn ask(method: Method, url: &str, body: String) -> (u16, String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let form = "application/x-www-form-urlencoded";
        let request = http.request(method, url).header("content-type", form).body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

#[test]
fn the_console_is_the_first_place_to_look_at_and_answers_there() {
    let lab = Lab::up();
    let url = lab.url("CONSOLE_PORT");
    let output = lab.output();
    let places = output.split_once("The lab is up.").unwrap().1;
    let first = places.lines().find(|line| !line.is_empty()).unwrap();
    assert!(first.trim_start().starts_with(&format!("console  {url} ")), "{places}");
    assert!(places.contains(&format!("\nLook   {url}: ")), "{places}");
    assert_eq!(status(&format!("{url}/healthz"), ""), 200);
}

#[test]
fn the_lab_tells_the_lines_of_a_trace_and_of_a_part() {
    let lab = Lab::up();
    let lines = lab.url("LINES_PORT");
    let answer = get(&format!("{}/chain", lab.url("APP_A_PORT")));
    let trace_id = answer["trace_id"].as_str().unwrap();
    let told = eventually(
        || {
            let told = get(&format!("{lines}/?trace_id={trace_id}"));
            let told = told.as_array().unwrap().clone();
            let parts: BTreeSet<_> =
                told.iter().map(|line| line["part"].as_str().unwrap()).collect();
            parts.iter().eq(&SERVICES).then_some(told.clone())
        },
        || get(&format!("{lines}/?trace_id={trace_id}")).to_string(),
    );
    for line in &told {
        assert!(line["line"].as_str().unwrap().contains(trace_id), "{line}");
    }
    let of_spoor = get(&format!("{lines}/?part=spoor"));
    let of_spoor = of_spoor.as_array().unwrap();
    assert!(!of_spoor.is_empty() && of_spoor.iter().all(|line| line["part"] == "spoor"));
}

#[test]
fn with_rust_alone_a_request_is_shown_whole_and_what_the_lab_lacks_is_named() {
    let lab = Lab::up();
    let console = lab.url("CONSOLE_PORT");
    let fields = "service=app-a&endpoint=GET+%2Fchain&sampled=yes&baggage=tier%3Dgold";
    let (_, sent) = post(&console, "/send", fields);
    let (_, after) = sent.split_once("/trace/").unwrap();
    let trace = format!("{console}/trace/{}", &after[..32]);
    let expected = [
        // All spans of the request, and on both sides of a hop what carried its context.
        "<dt>spans</dt><dd>10</dd>",
        "<dt>services</dt><dd>4</dd>",
        "baggage",
        "tier=gold",
        // Its lines are the native lab's, and its figures those of its spans.
        "of this trace, from the lab's lines.",
        "Loki: not in this lab",
        "around this one, from spoor",
        "Prometheus: not in this lab",
        "neither Jaeger, Prometheus nor Grafana",
    ];
    let lacks = |page: &str| {
        let page = page.replace("&#39;", "'").replace(" class=\"\"", "");
        expected.iter().filter(|text| !page.contains(**text)).copied().collect::<Vec<_>>()
    };
    let is_whole = || lacks(&page(&trace)).is_empty().then_some(());
    eventually(is_whole, || format!("{:?} is not in {}", lacks(&page(&trace)), page(&trace)));
}

#[test]
fn another_console_shows_a_lab_that_runs_and_its_end_leaves_that_as_it_was() {
    let lab = Lab::up();
    let token = admin_token(&lab);
    let (console, url) = console_of(&lab, |c| {
        c.env("ADMIN_TOKEN", &token);
    });
    let answer = get(&format!("{}/chain", lab.url("APP_A_PORT")));
    let trace = format!("{url}/trace/{}", answer["trace_id"].as_str().unwrap());
    let shown = || page(&trace).contains("<dt>spans</dt><dd>10</dd>").then_some(());
    eventually(shown, || page(&trace));

    let load = lab.url("LOAD_PORT");
    let before = get(&load);
    let (status, begun) = post(&url, "/incidents/run", "name=cache-lost&seed=1&fast=yes");
    assert_eq!(status, 200, "{begun}");
    let differs = |now: &serde_json::Value| ["rate", "mix"].map(|it| now[it] != before[it]);
    assert_eq!(differs(&get(&load)), [true; 2], "{begun}");
    console.signal(Signal::TERM);
    let ended = console.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(differs(&get(&load)), [false; 2], "{ended:?}");
    for service in SERVICES {
        assert_eq!(faults(&lab, service), serde_json::json!([]), "{service}");
    }
}

#[test]
fn with_a_token_that_is_not_the_services_the_page_says_so_and_nothing_is_switched() {
    let lab = Lab::up();
    let (_console, url) = console_of(&lab, |c| {
        c.env("ADMIN_TOKEN", "another");
    });
    let page_of = |url: &str| page(&format!("{url}/faults"));
    let told = page_of(&url);
    assert_eq!(told.matches("answered 401").count(), SERVICES.len(), "{told}");
    let (status, refused) = post(&url, "/faults", "service=app-c&kind=cache_off");
    assert_eq!(status, 422, "{refused}");
    assert_eq!(faults(&lab, "app-c"), serde_json::json!([]));
    let (_none, url) = console_of(&lab, |c| {
        c.env_remove("ADMIN_TOKEN");
    });
    let told = page_of(&url);
    assert!(told.contains("the console has no <code>ADMIN_TOKEN</code>"), "{told}");
}

#[test]
fn a_console_whose_port_is_taken_says_which_variable_moves_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = address.rsplit(':').next().unwrap();
    let by_variable = format!("port {port} of console is taken: set CONSOLE_PORT to a free one");
    let by_address = format!("listening on {address}: Address already in use");
    for (variable, value, problem) in
        [("CONSOLE_PORT", port, by_variable), ("CONSOLE_LISTEN", &address, by_address)]
    {
        let ended = Lab::start_with(&["console"], |c| {
            c.env(variable, value);
        })
        .end_by_itself();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.errors.contains(&format!("lab: {problem}")), "{ended:?}");
    }
}
