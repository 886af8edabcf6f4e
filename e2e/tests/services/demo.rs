//! The services of this repository.

use std::net::SocketAddr;
use std::process::Command;

use e2e::{Process, cargo_program};

/// A service that listens there and has these two targets. It exports spans alone.
pub async fn start(
    name: &str,
    address: SocketAddr,
    targets: [SocketAddr; 2],
    variables: &[(&str, &str)],
) -> anyhow::Result<Process> {
    let [one, two] = targets.map(|target| format!("http://{target}"));
    let mut command = Command::new(cargo_program("demo")?);
    command.args(["--name", name, "--listen", &address.to_string()]);
    command.args(["--target-one", &one, "--target-two", &two]);
    command.envs([("OTEL_LOGS_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "none")]);
    command.envs(variables.iter().copied());
    Process::start("demo", &mut command, &format!("http://{address}/healthz")).await
}
