//! The compose files, unchanged, on a real Docker engine.

mod lab;
mod trace;

use std::process::Command;

use anyhow::ensure;
use e2e::eventually;
use lab::{Lab, image_id, left_behind, stdout};
use serde_json::Value;
use trace::chain_is_found;

const SERVICES: [&str; 6] = ["app-a", "app-b", "app-c", "app-d", "jaeger", "spoor"];
const CONTEXT_LIMIT: f64 = 5e6;

#[tokio::test]
#[ignore = "needs a Docker engine with the images of .env; run by .ci/run"]
async fn the_lab_comes_up_healthy_survives_restarts_and_leaves_nothing() {
    let lab = Lab::new().unwrap();

    the_build_context_is_small(&lab.compose(&["build"]).unwrap());
    let image = format!("spoor-lab:{}", env!("CARGO_PKG_VERSION"));
    let built = image_id(&image).unwrap();
    lab.compose(&["build"]).unwrap();
    assert_eq!(image_id(&image).unwrap(), built, "built again without a change");

    lab.compose(&["up", "--detach", "--wait", "--wait-timeout", "120"]).unwrap();
    let containers = lab.containers().unwrap();
    let mut services: Vec<_> = containers.iter().map(|(service, _)| service.as_str()).collect();
    services.sort_unstable();
    assert_eq!(services, SERVICES);
    for (service, container) in &containers {
        is_confined(service, container);
    }
    lab.compose(&["exec", "-T", "spoor", "touch", "/var/lib/spoor/probe"]).unwrap();
    lab.compose(&["exec", "-T", "spoor", "touch", "/usr/probe"]).unwrap_err();
    chain_is_found(&lab).await.unwrap();

    for service in ["spoor", "jaeger"] {
        lab.compose(&["restart", service]).unwrap();
        lab.compose(&["up", "--detach", "--wait", "--wait-timeout", "60"]).unwrap();
        chain_is_found(&lab).await.unwrap();
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

/// What each container of the lab owes to the machine it runs on.
fn is_confined(service: &str, container: &Value) {
    let (config, host) = (&container["Config"], &container["HostConfig"]);
    assert_eq!(container["State"]["Health"]["Status"], "healthy", "{service}");
    let user = config["User"].as_str().unwrap().split(':').next().unwrap();
    assert!(user.parse::<u32>().unwrap() > 0, "{service} runs as {user}");
    assert!(host["Memory"].as_u64().unwrap() > 0, "{service} has no memory limit");
    assert_eq!(host["ReadonlyRootfs"], true, "{service}");
    assert_eq!(host["CapDrop"][0], "ALL", "{service}");
    assert_eq!(host["CapAdd"], Value::Null, "{service}");
    assert_eq!(host["SecurityOpt"][0], "no-new-privileges:true", "{service}");
    assert!(host["LogConfig"]["Config"]["max-size"].is_string(), "{service} logs without end");
    let published = container["NetworkSettings"]["Ports"].as_object().unwrap().values();
    for binding in published.filter_map(Value::as_array).flatten() {
        assert_eq!(binding["HostIp"], "127.0.0.1", "{service}");
    }
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
