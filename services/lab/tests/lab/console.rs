//! The console as a part of the lab, and what the lab does for it.

use std::collections::BTreeSet;

use crate::SERVICES;
use crate::process::{Lab, eventually, get, status};

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
