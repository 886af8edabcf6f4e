//! What runs: every part, its command and where to look at it.

mod collector;
mod console;
mod jaeger;
mod loki;
mod prometheus;
mod service;
mod spoor;

use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use tempfile::TempDir;
use tokio::process::Command;

use crate::children::Children;
use crate::ports::known::{self, APPS, JAEGER_OTLP_GRPC, JAEGER_OTLP_HTTP, JAEGER_UI};
use crate::ports::known::{LOAD, OTLP_GRPC, OTLP_HTTP};
use crate::ports::{Port, Ports};
use crate::program::Programs;
use crate::setting::Setting;
use crate::with::With;

/// A part that can be started.
pub struct Part {
    /// Its name in front of its lines, and its `service.name`.
    pub name: &'static str,
    /// How to start it. Standard input must be a pipe.
    pub command: Command,
    /// What it keeps while it runs. Its own process removes it too, for the case that the lab is
    /// killed.
    pub folder: Option<TempDir>,
    /// The URL that answers with success once it is ready; without one it is ready at once.
    pub ready: Option<String>,
    /// Where it is to be found, and what is there.
    pub places: Vec<(String, &'static str)>,
}

/// The parts of one run, in the order of their start.
pub struct Parts {
    /// What keeps telemetry and what stands before it. Each may send to those before it.
    pub backends: Vec<Part>,
    /// What makes telemetry.
    pub services: Vec<Part>,
    /// What makes traffic.
    pub load: Part,
    /// What shows all of it.
    pub console: Part,
}

/// What the parts of one run need to know of each other.
pub struct Plan {
    pub ports: Ports,
    pub programs: Programs,
    /// Whether the services' log lines are part of what is checked, whatever the shell hides.
    pub checked: bool,
    /// With which faults of the services can be switched.
    pub admin_token: String,
}

/// Every port that a run with these parts listens on.
pub fn ports(with: &[With]) -> Vec<Port> {
    let mut ports = known::ALL.to_vec();
    if !with.contains(&With::Collector) {
        // Then the receivers that the lab is known by are Jaeger's, which has no others.
        ports.retain(|port| ![JAEGER_OTLP_GRPC, JAEGER_OTLP_HTTP].contains(port));
        ports.extend([OTLP_GRPC, OTLP_HTTP].map(|port| Port { part: JAEGER_UI.part, ..port }));
    }
    let mut absent = With::value_variants().to_vec();
    absent.retain(|part| !with.contains(part));
    ports.retain(|port| absent.iter().all(|part| part.part() != port.part));
    ports
}

/// Every part of the plan, its variables changed by `settings`.
///
/// # Errors
/// When a setting is of no part of the plan, a folder cannot be made, or the path of this
/// executable is unknown.
pub fn parts(plan: &Plan, settings: &[Setting]) -> anyhow::Result<Parts> {
    let mut backends = vec![spoor::part(plan)?];
    for part in [With::Prometheus, With::Loki, With::Jaeger, With::Collector] {
        let Some(program) = plan.programs.get(&part) else { continue };
        backends.push(match part {
            With::Prometheus => prometheus::part(plan, program)?,
            With::Loki => loki::part(plan, program)?,
            With::Collector => collector::part(plan, program)?,
            _ => jaeger::part(plan, program)?,
        });
    }
    let services = (0..APPS.len()).map(|index| service::part(plan, index));
    let services = services.collect::<anyhow::Result<_>>()?;
    let mut parts = Parts { backends, services, load: load(plan)?, console: console::part(plan)? };
    for Setting { part, name, value } in settings {
        let Some(found) = parts.all_mut().find(|found| found.name == part) else {
            let known = parts.all_mut().map(|part| part.name).collect::<Vec<_>>().join(", ");
            bail!("setting {name}: the lab has no part {part}, but {known}");
        };
        found.command.env(name, value);
    }
    Ok(parts)
}

fn load(plan: &Plan) -> anyhow::Result<Part> {
    let name = LOAD.part;
    let mut command = this_program(name, "load")?;
    plan.set_ports(&mut command, &APPS);
    // Each trace begins in a service, whose sampler is asked.
    command.args(["--sample", "services", "--report", "1m"]).env("LOAD_LISTEN", plan.address(LOAD));
    let places = vec![(plan.url(LOAD), "its figures, and another rate")];
    Ok(Part { name, command, folder: None, ready: None, places })
}

impl Parts {
    /// Starts all.
    ///
    /// # Errors
    /// See [`Children::start`].
    pub async fn start(self, children: &mut Children) -> anyhow::Result<()> {
        children.start(self.backends).await?;
        children.start(self.services).await?;
        children.start(vec![self.load, self.console]).await
    }

    /// All of them, the one to look at first before the others.
    pub fn all(&self) -> impl Iterator<Item = &Part> {
        let first = [&self.console].into_iter();
        first.chain(&self.backends).chain(&self.services).chain([&self.load])
    }

    /// How many columns the longest name takes.
    pub fn name_width(&self) -> usize {
        self.all().map(|part| part.name.len()).max().unwrap_or_default()
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        let last = [&mut self.load, &mut self.console];
        self.backends.iter_mut().chain(&mut self.services).chain(last)
    }
}

impl Plan {
    fn has(&self, part: With) -> bool {
        self.programs.contains_key(&part)
    }

    /// `host:port`.
    fn address(&self, port: Port) -> String {
        self.ports.address(port).to_string()
    }

    /// `http://host:port`.
    fn url(&self, port: Port) -> String {
        format!("http://{}", self.address(port))
    }

    /// The number alone.
    fn number(&self, port: Port) -> String {
        self.ports.address(port).port().to_string()
    }

    /// The address alone, the same for every part.
    fn host(&self) -> String {
        self.ports.address(APPS[0]).ip().to_string()
    }

    /// Tells a part its ports by the variables of the same meaning that containers have.
    fn set_ports(&self, command: &mut Command, ports: &[Port]) {
        for port in ports {
            command.env(port.variable, self.number(*port));
        }
    }
}

/// This executable as the part that runs `program` (see `crate::part::Program`), shown as `name`
/// by `ps`, without the destinations of telemetry that the shell has: the lab decides. What else is
/// set, such as a sampler, stays.
fn this_program(name: &str, program: &str) -> anyhow::Result<Command> {
    let path = std::env::current_exe().context("looking for this executable")?;
    let mut command = Command::new(path);
    command.arg0(name).args(["part", program]);
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"OTEL_EXPORTER_OTLP_") {
            command.env_remove(variable);
        }
    }
    // As in the containers: while its receiver is away for a minute, telemetry waits.
    command.env("OTEL_EXPORTER_OTLP_TIMEOUT", "90000");
    Ok(command)
}

/// A program of others as the part `name`, under guard, with the folder that it has to itself.
fn foreign(name: &str, program: &Path, folder: Option<&TempDir>) -> anyhow::Result<Command> {
    let mut command = this_program(name, "foreign")?;
    if let Some(folder) = folder {
        command.arg("--folder").arg(folder.path());
    }
    command.arg(program);
    Ok(command)
}

/// An empty folder for the part `name`.
fn folder(name: &str) -> anyhow::Result<TempDir> {
    let made = tempfile::Builder::new().prefix(&format!("spoor-{name}-")).tempdir();
    made.with_context(|| format!("making a folder for {name}"))
}

/// Hands a program on the Collector's framework its configuration, by variables: a file would stay
/// behind if the lab were killed. A later one wins.
fn configure(command: &mut Command, configurations: &[&str]) {
    for (index, configuration) in configurations.iter().enumerate() {
        let variable = format!("LAB_CONFIGURATION_{}", index + 1);
        command.args(["--config", &format!("env:{variable}")]).env(variable, configuration);
    }
}
