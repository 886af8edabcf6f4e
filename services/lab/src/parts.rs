//! What runs: every part, its ports, its command and where to look at it.

use std::path::Path;

use anyhow::Context;
use tokio::process::Command;

use crate::jaeger;
use crate::ports::known::{APPS, STORAGE, STORAGE_ADMIN};
use crate::ports::{Port, Ports};

/// A part that can be started.
pub struct Part {
    /// Its name in front of its lines, and its `service.name`.
    pub name: &'static str,
    /// How to start it. Standard input must be a pipe.
    pub command: Command,
    /// The URL that answers with success once it is ready.
    pub ready: String,
    /// Where it is to be found, and what is there.
    pub places: Vec<(String, &'static str)>,
}

/// The parts of one run, in two steps: what keeps telemetry starts first and ends last.
pub struct Parts {
    /// Storage and what stands before it.
    pub backends: Vec<Part>,
    /// What makes telemetry.
    pub services: Vec<Part>,
}

/// Every port that a run listens on.
pub fn ports(with_jaeger: bool) -> Vec<Port> {
    let mut ports = APPS.to_vec();
    ports.extend([STORAGE, STORAGE_ADMIN]);
    if with_jaeger {
        ports.extend(jaeger::PORTS);
    }
    ports
}

/// Every part on its ports, with the Jaeger program if there is one.
///
/// # Errors
/// When the path of this executable is unknown.
pub fn parts(ports: &Ports, jaeger: Option<&Path>) -> anyhow::Result<Parts> {
    let mut backends = vec![spoor(ports)?];
    let mut telemetry = STORAGE;
    if let Some(program) = jaeger {
        backends.push(jaeger::part(program, ports)?);
        telemetry = jaeger::OTLP_GRPC;
    }
    let services = (0..APPS.len()).map(|index| service(index, ports, telemetry));
    Ok(Parts { backends, services: services.collect::<anyhow::Result<_>>()? })
}

fn spoor(ports: &Ports) -> anyhow::Result<Part> {
    let (grpc, admin) = (ports.address(STORAGE), ports.address(STORAGE_ADMIN));
    let mut command = this_program("spoor")?;
    command.args(["serve", "--listen", &grpc.to_string(), "--admin-listen", &admin.to_string()]);
    Ok(Part {
        name: STORAGE.part,
        command,
        ready: format!("http://{admin}/readyz"),
        places: vec![
            (grpc.to_string(), "OTLP in, jaeger.storage.v2 out, over gRPC"),
            (format!("http://{admin}/metrics"), "its metrics"),
        ],
    })
}

fn service(index: usize, ports: &Ports, telemetry: Port) -> anyhow::Result<Part> {
    let url = |offset| format!("http://{}", ports.address(APPS[(index + offset) % APPS.len()]));
    let port = APPS[index];
    let mut command = this_program("demo")?;
    command.args(["--name", port.part, "--listen", &ports.address(port).to_string()]).args([
        "--target-one",
        &url(1),
        "--target-two",
        &url(2),
    ]);
    // The lab decides where telemetry goes; what else is set, such as a sampler, stays.
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"OTEL_EXPORTER_OTLP_") {
            command.env_remove(variable);
        }
    }
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", ports.address(telemetry)));
    Ok(Part {
        name: port.part,
        command,
        ready: format!("{}/healthz", url(0)),
        places: vec![(url(0), "HTTP and gRPC")],
    })
}

/// This executable as the part that runs `program`: see [`crate::part::Program`].
pub fn this_program(program: &str) -> anyhow::Result<Command> {
    let path = std::env::current_exe().context("looking for this executable")?;
    let mut command = Command::new(path);
    command.args(["part", program]);
    Ok(command)
}
