use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use tempfile::TempDir;

use crate::{Process, cargo_program, free_addresses};

/// A running storage server with an empty store, on ports and in a folder of its own.
pub struct Spoor {
    /// Where it takes OTLP and answers `jaeger.storage.v2`, both gRPC.
    pub grpc: SocketAddr,
    /// Where it serves health, metrics and, as configured here, `POST /purge`.
    pub admin: SocketAddr,
    _process: Process,
    /// Removed after the process was killed.
    _folder: TempDir,
}

impl Spoor {
    /// Starts the server on its default engine and waits until it is ready.
    ///
    /// # Errors
    /// When it does not build or does not become ready.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// The same with settings, each `KEY=VALUE`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(settings: &[&str]) -> anyhow::Result<Self> {
        Self::start_by(|command| {
            for setting in settings {
                command.args(["--set", setting]);
            }
        })
        .await
    }

    /// The same with a file of keys, of which its addresses and its folder are none.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_from(config: &Path) -> anyhow::Result<Self> {
        Self::start_by(|command| {
            command.arg("--config").arg(config);
        })
        .await
    }

    async fn start_by(set: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        let [grpc, admin] = free_addresses();
        let folder = TempDir::new().context("making a folder for spoor")?;
        let mut command = Command::new(cargo_program("spoor")?);
        command.arg("serve").env("SPOOR_DATA_DIR", folder.path()).env("SPOOR_PURGE", "true");
        command.args(["--listen", &grpc.to_string(), "--admin-listen", &admin.to_string()]);
        set(&mut command);
        // Of a test, and no keys of the server.
        command.env_remove("SPOOR_SEED").env_remove("SPOOR_QUERIES");
        let ready = format!("http://{admin}/readyz");
        let process = Process::start("spoor", &mut command, &ready).await?;
        Ok(Self { grpc, admin, _process: process, _folder: folder })
    }
}
