use std::net::SocketAddr;
use std::process::Command;

use crate::{Process, cargo_program, free_addresses};

/// A running storage server with an empty store, on ports of its own.
pub struct Spoor {
    /// Where it takes OTLP and answers `jaeger.storage.v2`, both gRPC.
    pub grpc: SocketAddr,
    /// Where it serves health, metrics and, as configured here, `POST /purge`.
    pub admin: SocketAddr,
    _process: Process,
}

impl Spoor {
    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// When it does not build or does not become ready.
    pub async fn start() -> anyhow::Result<Self> {
        let [grpc, admin] = free_addresses();
        let mut command = Command::new(cargo_program("spoor")?);
        command.args(["serve", "--set", "purge=true"]).args([
            "--listen",
            &grpc.to_string(),
            "--admin-listen",
            &admin.to_string(),
        ]);
        let ready = format!("http://{admin}/readyz");
        Ok(Self { grpc, admin, _process: Process::start("spoor", &mut command, &ready).await? })
    }
}
