use std::net::SocketAddr;
use std::process::Command;

use crate::{Process, free_addresses, real_program};

const CONFIGURATION: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../compose/otel-collector/config.yaml");

/// The real Collector with the lab's own configuration, on ports of its own. It takes traces alone.
pub struct Collector {
    /// Where it takes OTLP over gRPC.
    pub otlp: SocketAddr,
    /// Where it takes OTLP over HTTP.
    pub otlp_http: SocketAddr,
    process: Process,
}

impl Collector {
    /// Starts a Collector that passes traces on to `jaeger` (OTLP over gRPC), and waits until it is
    /// ready.
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start(jaeger: SocketAddr) -> anyhow::Result<Self> {
        let [otlp, otlp_http, health, metrics, span_metrics] = free_addresses();
        let mut command = Command::new(real_program("collector")?);
        command.args(["--config", CONFIGURATION]).env("JAEGER_ENDPOINT", jaeger.to_string());
        for (variable, address) in [
            ("OTLP_GRPC_PORT", otlp),
            ("OTLP_HTTP_PORT", otlp_http),
            ("COLLECTOR_HEALTH_PORT", health),
            ("COLLECTOR_METRICS_PORT", metrics),
            ("SPAN_METRICS_PORT", span_metrics),
        ] {
            command.env(variable, address.port().to_string());
        }
        let ready = format!("http://{health}");
        let process = Process::start("collector", &mut command, &ready).await?;
        Ok(Self { otlp, otlp_http, process })
    }

    /// Ends the Collector, which passes on what it holds before.
    ///
    /// # Errors
    /// See [`Process::end`].
    pub async fn end(self) -> anyhow::Result<()> {
        self.process.end().await
    }
}
