//! A service that samples as a real Jaeger works out from its traffic.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::ask::ask;
use e2e::{Process, eventually, free_address, free_addresses, http, real_program};
use serde_json::Value;
use tokio::time::interval;

use crate::demo;

const BUSY: &str = "/chain";
const QUIET: &str = "/";
/// Traces a second that are to be kept of each operation.
const TARGET: f64 = 2.0;
/// Requests a second for the busy one; the other gets one.
const RATE: u32 = 20;

/// Where a Jaeger takes spans, and where it tells how to sample: services, and people.
struct Sampler {
    otlp: SocketAddr,
    grpc: SocketAddr,
    http: SocketAddr,
    _process: Process,
}

impl Sampler {
    /// The program and the settings of the overlay, but for what makes it fast.
    async fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(real_program("sidecar-jaeger")?);
        command.envs([("SAMPLING_CONFIG_TYPE", "adaptive"), ("SAMPLING_STORAGE_TYPE", "memory")]);
        command.env("SPAN_STORAGE_TYPE", "memory");
        let target = format!("--sampling.target-samples-per-second={TARGET}");
        command.args([&target, "--sampling.initial-sampling-probability=1"]);
        command.args(["--sampling.calculation-interval=2s", "--sampling.delay=1s"]);
        let [otlp, grpc, http, admin] = free_addresses();
        for (flag, address) in [
            ("collector.otlp.grpc.host-port", otlp),
            ("collector.grpc-server.host-port", grpc),
            ("http-server.host-port", http),
            ("admin.http.host-port", admin),
            ("collector.otlp.http.host-port", free_address()),
            ("collector.http-server.host-port", free_address()),
            ("query.http-server.host-port", free_address()),
            ("query.grpc-server.host-port", free_address()),
            ("processor.jaeger-binary.server-host-port", free_address()),
            ("processor.jaeger-compact.server-host-port", free_address()),
            ("processor.zipkin-compact.server-host-port", free_address()),
        ] {
            command.arg(format!("--{flag}={address}"));
        }
        let ready = format!("http://{admin}/");
        let process = Process::start("sidecar-jaeger", &mut command, &ready).await?;
        Ok(Self { otlp, grpc, http, _process: process })
    }

    /// With which probability an operation is to be sampled, if it is known.
    async fn probability(&self, operation: &str) -> anyhow::Result<Option<f64>> {
        let told = ask(&format!("http://{}/sampling", self.http), &[("service", "app-a")]).await?;
        let all = told["operationSampling"]["perOperationStrategies"].as_array();
        let mut all = all.into_iter().flatten();
        let found = all.find(|strategy| strategy["operation"] == operation);
        Ok(found.and_then(|it| it["probabilisticSampling"]["samplingRate"].as_f64()))
    }
}

/// A service whose targets are itself.
async fn service(sampler: &Sampler) -> anyhow::Result<(Process, String)> {
    let address = free_address();
    let strategies =
        format!("endpoint=http://{},pollingIntervalMs=200,initialSamplingRate=1", sampler.grpc);
    let backend = format!("http://{}", sampler.otlp);
    let variables = [
        ("OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote"),
        ("OTEL_TRACES_SAMPLER_ARG", &strategies),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &backend),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let process = demo::start("app-a", address, [address; 2], &variables).await?;
    Ok((process, format!("http://{address}")))
}

/// Steady requests until dropped, of which every [`RATE`]th is for the quiet operation.
fn traffic(url: String) -> tokio::task::JoinHandle<anyhow::Result<()>> {
    tokio::spawn(async move {
        let mut due = interval(Duration::from_secs(1) / RATE);
        for number in 0_u32.. {
            due.tick().await;
            let path = if number % RATE == 0 { QUIET } else { BUSY };
            http().get(format!("{url}{path}")).send().await?.error_for_status()?;
        }
        Ok(())
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Go; run by .ci/run"]
async fn of_a_busy_operation_fewer_traces_are_kept_and_of_a_quiet_one_all() -> anyhow::Result<()> {
    let sampler = Sampler::start().await?;
    let (service, url) = service(&sampler).await?;
    let traffic = traffic(url.clone());
    // Ten times the target: a tenth is right, and a quarter is on the way.
    eventually("the busy operation is to be sampled less", async || {
        ensure!(!traffic.is_finished(), "the traffic ended");
        Ok(sampler.probability("GET /chain").await?.filter(|probability| *probability < 0.25))
    })
    .await?;
    let quiet = sampler.probability("GET /").await?.context("finding the quiet operation")?;
    ensure!(quiet == 1.0, "the quiet operation is sampled with {quiet}");

    let said = "\"GET /chain\" with probability 0";
    eventually(said, async || Ok(service.output().contains(said).then_some(()))).await?;
    let mut sampled = 0;
    for _ in 0..100 {
        let answer: Value = http().get(format!("{url}{BUSY}")).send().await?.json().await?;
        sampled += usize::from(answer["sampled"].as_bool().context("finding what was sampled")?);
    }
    traffic.abort();
    ensure!((1..60).contains(&sampled), "{sampled} of 100 are sampled");
    Ok(())
}
