//! A service that samples as a real Jaeger tells it to, while that changes its mind and is gone.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use e2e::{Process, cargo_program, eventually, free_address, free_addresses, http, real_program};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Requests that are enough to tell a strategy by what it samples.
const REQUESTS: usize = 40;

/// A Jaeger that serves the strategies of a file, which it reads again and again.
async fn jaeger(strategies: &Path, sampling: SocketAddr) -> anyhow::Result<Process> {
    let [health, http] = free_addresses();
    let configuration = json!({
        "service": {
            "extensions": ["jaeger_storage", "remote_sampling", "healthcheckv2"],
            "pipelines": {"traces": {"receivers": ["nop"], "exporters": ["nop"]}},
            "telemetry": {"metrics": {"level": "none"}},
        },
        "extensions": {
            "healthcheckv2": {"use_v2": true, "http": {"endpoint": health.to_string()}},
            // Of which adaptive sampling, alone, makes use.
            "jaeger_storage": {"backends": {"none": {"memory": {"max_traces": 1}}}},
            "remote_sampling": {
                "file": {"path": strategies, "reload_interval": "200ms"},
                "http": {"endpoint": http.to_string()},
                "grpc": {"endpoint": sampling.to_string()},
            },
        },
        "receivers": {"nop": {}},
        "exporters": {"nop": {}},
    });
    let path = strategies.with_file_name("jaeger.yaml");
    fs::write(&path, configuration.to_string())?;
    let mut command = Command::new(real_program("jaeger")?);
    command.arg("--config").arg(path);
    Process::start("jaeger", &mut command, &format!("http://{health}/status")).await
}

/// A service whose targets are itself, and which asks for its strategy ten times a second.
async fn service(sampling: SocketAddr) -> anyhow::Result<(Process, String)> {
    let address = free_address();
    let url = format!("http://{address}");
    let mut command = Command::new(cargo_program("demo")?);
    let argument =
        format!("endpoint=http://{sampling},pollingIntervalMs=100,initialSamplingRate=1");
    command.args(["--name", "app-a", "--listen", &address.to_string()]);
    command.args(["--target-one", &url, "--target-two", &url]);
    command.env("OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote");
    command.env("OTEL_TRACES_SAMPLER_ARG", argument);
    command.envs([("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none")]);
    let process = Process::start("demo", &mut command, &format!("{url}/healthz")).await?;
    Ok((process, url))
}

/// How many chains are sampled of so many.
async fn sampled(url: &str, headers: &[(&str, &str)]) -> anyhow::Result<usize> {
    let mut sampled = 0;
    for _ in 0..REQUESTS {
        let mut request = http().get(format!("{url}/chain"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        sampled += usize::from(answer["sampled"].as_bool().context("finding what was sampled")?);
    }
    Ok(sampled)
}

/// Replaces the file as an editor does, and waits until the service says that it follows.
async fn change(
    strategies: &Path,
    service: &Process,
    new: Value,
    said: &str,
) -> anyhow::Result<()> {
    let before = service.output().matches(said).count();
    let temporary = strategies.with_extension("new");
    fs::write(&temporary, new.to_string())?;
    fs::rename(temporary, strategies)?;
    eventually(said, async || Ok((service.output().matches(said).count() > before).then_some(())))
        .await
}

fn probability(param: f64) -> Value {
    json!({"default_strategy": {"type": "probabilistic", "param": param}})
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn a_service_samples_as_jaeger_says_while_that_changes_and_is_gone() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let strategies = folder.path().join("strategies.json");
    fs::write(&strategies, probability(0.0).to_string())?;
    let sampling = free_address();

    // Nobody answers yet: the initial rate holds.
    let (service, url) = service(sampling).await?;
    ensure!(sampled(&url, &[]).await? == REQUESTS, "not all, before there is a strategy");
    eventually("it is said", async || {
        Ok(service.output().contains("sampling strategies cannot be read").then_some(()))
    })
    .await?;

    let server = jaeger(&strategies, sampling).await?;
    eventually("the first strategy is read", async || {
        Ok(service.output().contains("probability 0").then_some(()))
    })
    .await?;
    ensure!(sampled(&url, &[]).await? == 0, "some, with a probability of 0");
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let count = sampled(&url, &[("traceparent", parent)]).await?;
    ensure!(count == REQUESTS, "{count} of those whose caller is sampled");

    change(&strategies, &service, probability(1.0), "probability 1").await?;
    ensure!(sampled(&url, &[]).await? == REQUESTS, "not all, with a probability of 1");

    let per_operation = json!({
        "service_strategies": [{
            "service": "app-a",
            "type": "probabilistic",
            "param": 1.0,
            "operation_strategies":
                [{"operation": "GET /chain", "type": "probabilistic", "param": 0.0}],
        }],
    });
    change(&strategies, &service, per_operation, "\"GET /chain\" with probability 0").await?;
    ensure!(sampled(&url, &[]).await? <= 1, "some of an operation whose probability is 0");

    let rate = json!({
        "service_strategies": [{"service": "app-a", "type": "ratelimiting", "param": 3}],
    });
    change(&strategies, &service, rate, "3 traces a second").await?;
    let began = std::time::Instant::now();
    let count = sampled(&url, &[]).await?;
    let most = 3.0 + 3.0 * began.elapsed().as_secs_f64();
    ensure!((3..=most as usize).contains(&count), "{count} instead of 3 to {most}");

    // Gone, and the last strategy holds; back again with another.
    change(&strategies, &service, probability(0.0), "probability 0").await?;
    drop(server);
    let said = "sampling strategies cannot be read";
    eventually(said, async || Ok((service.output().matches(said).count() == 2).then_some(())))
        .await?;
    ensure!(sampled(&url, &[]).await? == 0, "some, while the server is gone");
    let said = "probability 1";
    let before = service.output().matches(said).count();
    fs::write(&strategies, probability(1.0).to_string())?;
    let _server = jaeger(&strategies, sampling).await?;
    eventually(said, async || Ok((service.output().matches(said).count() > before).then_some(())))
        .await?;
    ensure!(sampled(&url, &[]).await? == REQUESTS, "not all, with the server's new strategy");
    Ok(())
}
