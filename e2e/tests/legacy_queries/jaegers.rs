use std::net::SocketAddr;
use std::process::Command;

use e2e::{Process, free_addresses, real_program};

const CONFIGURATION: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/legacy_queries/jaeger.yaml");

/// A real server of Jaeger's storage API v2, on ports of its own.
pub struct Jaeger {
    /// Where it takes OTLP and answers `jaeger.storage.v2`, both gRPC.
    pub storage: SocketAddr,
    _process: Process,
}

impl Jaeger {
    /// Jaeger 2.13, as a storage server.
    pub async fn server() -> anyhow::Result<Self> {
        let [storage, health, otlp] = free_addresses();
        let mut command = Command::new(real_program("jaeger")?);
        // It would send its own spans to whoever listens on 4317.
        command.args(["--config", CONFIGURATION]).env("OTEL_TRACES_SAMPLER", "always_off");
        for (variable, address) in [("STORAGE", storage), ("HEALTH", health), ("OTLP", otlp)] {
            command.env(variable, address.to_string());
        }
        let ready = format!("http://{health}/status");
        let process = Process::start("jaeger", &mut command, &ready).await?;
        Ok(Self { storage, _process: process })
    }

    /// `remote-storage` of Jaeger 1.76.
    pub async fn remote_storage() -> anyhow::Result<Self> {
        let [storage, health] = free_addresses();
        let mut command = Command::new(real_program("remote-storage")?);
        command.args(["--grpc.host-port", &storage.to_string()]);
        command.args(["--admin.http.host-port", &health.to_string()]);
        let ready = format!("http://{health}/");
        let process = Process::start("remote-storage", &mut command, &ready).await?;
        Ok(Self { storage, _process: process })
    }
}
