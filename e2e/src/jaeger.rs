use std::net::SocketAddr;
use std::process::Command;

use crate::{Process, free_addresses, real_program};

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../compose/jaeger/config.yaml");

/// The real Jaeger with the lab's own configuration, on ports of its own.
pub struct Jaeger {
    /// Where it takes OTLP over gRPC.
    pub otlp: SocketAddr,
    /// Where it takes OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// Where it answers queries over gRPC (`jaeger.api_v3`).
    pub grpc: SocketAddr,
    /// Where it answers queries over HTTP (`/api` and `/api/v3`).
    pub http: SocketAddr,
    process: Process,
}

impl Jaeger {
    /// Starts Jaeger over the storage server at `storage`, and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start(storage: SocketAddr) -> anyhow::Result<Self> {
        let [otlp, otlp_http, grpc, http, health, metrics] = free_addresses();
        let mut command = Command::new(real_program("jaeger")?);
        command.args(["--config", CONFIGURATION]).env("STORAGE_ENDPOINT", storage.to_string());
        for (variable, address) in [
            ("JAEGER_OTLP_GRPC_PORT", otlp),
            ("JAEGER_OTLP_HTTP_PORT", otlp_http),
            ("JAEGER_QUERY_GRPC_PORT", grpc),
            ("JAEGER_UI_PORT", http),
            ("JAEGER_HEALTH_PORT", health),
            ("JAEGER_METRICS_PORT", metrics),
        ] {
            command.env(variable, address.port().to_string());
        }
        let ready = format!("http://{health}/status");
        let process = Process::start("jaeger", &mut command, &ready).await?;
        Ok(Self { otlp, otlp_http, grpc, http, process })
    }

    /// Ends Jaeger, which writes what it holds before.
    ///
    /// # Errors
    /// See [`Process::end`].
    pub async fn end(self) -> anyhow::Result<()> {
        self.process.end().await
    }
}
