//! The smallest lab.

use std::process::Command;

use anyhow::ensure;
use e2e::eventually;

use crate::confined::all_are_confined;
use crate::console;
use crate::doctor::finds_the_lab_whole;
use crate::kept::{self, CHAIN_SPANS};
use crate::lab::{Lab, image_id, left_behind, stdout};
use crate::tier::BASE;
use crate::trace::chain_is_found;

const CONTAINERS: [&str; 8] =
    ["app-a", "app-b", "app-c", "app-d", "console", "jaeger", "load", "spoor"];
const CONTEXT_LIMIT: f64 = 5e6;
/// What the console tells of a `/chain` by spans alone, and what this tier lacks.
const SHOWN: [&str; 5] = [
    "<dt>spans</dt><dd>10</dd>",
    "Loki: not in this lab",
    "the lab's lines: not in this lab",
    "around this one, from spoor",
    "Prometheus: not in this lab",
];

#[tokio::test]
#[ignore = "needs a Docker engine with the images of .env; run by .ci/run"]
async fn the_base_comes_up_healthy_survives_restarts_and_leaves_nothing() {
    let lab = Lab::new(BASE).unwrap();

    the_build_context_is_small(&lab.compose(&["build"]).unwrap());
    let image = lab.compose(&["config", "--images", "spoor"]).unwrap();
    let built = image_id(image.trim_end()).unwrap();
    lab.up().unwrap();
    assert_eq!(image_id(image.trim_end()).unwrap(), built, "built again without a change");

    let containers = lab.containers().unwrap();
    let mut services: Vec<_> = containers.iter().map(|(service, _)| service.as_str()).collect();
    services.sort_unstable();
    assert_eq!(services, CONTAINERS);
    all_are_confined(&lab).unwrap();
    lab.compose(&["exec", "-T", "spoor", "touch", "/var/lib/spoor/probe"]).unwrap();
    lab.compose(&["exec", "-T", "spoor", "touch", "/usr/probe"]).unwrap_err();
    // As docs/start.md has it.
    lab.compose(&["run", "--rm", "doctor"]).unwrap();
    finds_the_lab_whole(&lab).unwrap();

    let mut before = chain_is_found(&lab).await.unwrap();
    console::shows(&lab, &before, &SHOWN, &["JAEGER_UI_PORT"]).await.unwrap();
    console::survives_a_large_trace(&lab).await.unwrap();
    for service in ["spoor", "jaeger"] {
        lab.compose(&["restart", service]).unwrap();
        lab.up().unwrap();
        let after = chain_is_found(&lab).await.unwrap();
        assert_eq!(kept::spans(&lab, &before).await.unwrap(), CHAIN_SPANS, "after {service}");
        before = after;
    }

    a_killed_service_comes_back(&lab, "app-c").await.unwrap();
    chain_is_found(&lab).await.unwrap();

    lab.compose(&["down", "--volumes"]).unwrap();
    assert_eq!(left_behind().unwrap(), "");
}

fn the_build_context_is_small(output: &str) {
    // `Sending build context to Docker daemon  489kB`, in decimal units.
    let size = output.split("build context to Docker daemon").last().unwrap().trim_start();
    let size = size.split_whitespace().next().unwrap();
    let digits = size.trim_end_matches(char::is_alphabetic);
    let unit = match &size[digits.len()..] {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        unit => panic!("unit {unit} in {output}"),
    };
    assert!(digits.parse::<f64>().unwrap() * unit < CONTEXT_LIMIT, "{size}");
}

/// Kills the process from outside: what `docker kill` ends is not started again.
async fn a_killed_service_comes_back(lab: &Lab, service: &str) -> anyhow::Result<()> {
    let process = lab.container(service)?["State"]["Pid"].clone();
    stdout(Command::new("kill").args(["-KILL", &process.to_string()]))?;
    eventually("the killed service runs again", async || {
        let container = lab.container(service)?;
        ensure!(container["RestartCount"].as_u64() < Some(2), "{service} does not stay up");
        let state = &container["State"];
        let again = state["Pid"] != process && state["Health"]["Status"] == "healthy";
        Ok(again.then_some(()))
    })
    .await
}
