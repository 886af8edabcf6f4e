//! The lab in containers: the compose files of this repository, on the engine that `docker` finds.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use e2e::ask::{JaegerQuery, Loki, Prometheus};
use e2e::files::repository;
use e2e::{eventually, free_address, real_program};
use serde_json::Value;

use crate::tier::Tier;

/// A project of its own, so that a lab in use on this machine keeps its data.
const PROJECT: &str = "spoor-e2e";

/// The lab in a project and on ports of its own. It is removed when dropped.
pub struct Lab {
    compose: PathBuf,
    tier: Tier,
    ports: Vec<(String, u16)>,
    load: Option<&'static str>,
}

impl Lab {
    /// The lab, of which nothing runs yet, and nothing is left: the engine starts the containers of
    /// a run that was killed again, and their volumes hold what it counted.
    pub fn new(tier: Tier) -> anyhow::Result<Self> {
        let settings = std::fs::read_to_string(repository().join(".env"))
            .context("reading the settings of compose")?;
        let lines = settings.lines().filter(|line| !line.starts_with('#'));
        let variables = lines.filter_map(|line| line.split_once('='));
        let ports = variables
            .map(|(variable, _)| variable.to_owned())
            .filter(|variable| variable.ends_with("_PORT"))
            .map(|variable| (variable, free_address().port()))
            .collect();
        let lab = Self { compose: real_program("compose")?, tier, ports, load: None };
        lab.remove()?;
        Ok(lab)
    }

    /// With another `LOAD_RATE` than `.env` has.
    pub fn load(mut self, rate: &'static str) -> Self {
        self.load = Some(rate);
        self
    }

    /// Builds what is not built, brings all up, and waits until it is healthy.
    pub fn up(&self) -> anyhow::Result<()> {
        self.compose(&["build"])?;
        // What is there must do: the lab needs no network.
        let mut arguments = vec!["up", "--pull", "never", "--detach"];
        arguments.extend(["--wait", "--wait-timeout", "120"]);
        if self.tier.grafana {
            arguments.extend(["--scale", "grafana=0"]);
        }
        self.compose(&arguments)?;
        Ok(())
    }

    /// What `docker compose` with `arguments` writes to standard output.
    pub fn compose(&self, arguments: &[&str]) -> anyhow::Result<String> {
        stdout(&mut self.command(arguments))
    }

    /// Whether the doctor, in a container beside the others, finds the lab whole within its own
    /// deadline of 60 s, and its report.
    pub fn doctor(&self) -> anyhow::Result<(bool, Value)> {
        let command = ["lab", "doctor", "--inside", "--with", self.tier.with, "--json"];
        let run = ["run", "--rm", "-T", "doctor"];
        let mut command = self.command(&[&run[..], &command[..]].concat());
        let output = command.output().context("starting the doctor")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        let report = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("reading the doctor's report, beside which is:\n{errors}"))?;
        Ok((output.status.success(), report))
    }

    /// The URL of what is published on the port that `variable` of `.env` names.
    pub fn url(&self, variable: &str) -> String {
        let (_, port) =
            self.ports.iter().find(|(name, _)| name == variable).expect("it is in .env");
        format!("http://127.0.0.1:{port}")
    }

    pub fn jaeger(&self) -> JaegerQuery {
        JaegerQuery(self.url("JAEGER_UI_PORT"))
    }

    pub fn prometheus(&self) -> Prometheus {
        Prometheus(self.url("PROMETHEUS_PORT"))
    }

    pub fn loki(&self) -> Loki {
        Loki(self.url("LOKI_PORT"))
    }

    /// What `docker inspect` tells of each container, by service.
    pub fn containers(&self) -> anyhow::Result<Vec<(String, Value)>> {
        let ids = self.compose(&["ps", "--all", "--quiet"])?;
        let inspected = stdout(docker(&["inspect"]).args(ids.lines()))?;
        let containers: Vec<Value> = serde_json::from_str(&inspected)?;
        let service = |container: &Value| {
            let labels = &container["Config"]["Labels"];
            labels["com.docker.compose.service"].as_str().unwrap_or_default().to_owned()
        };
        Ok(containers.into_iter().map(|container| (service(&container), container)).collect())
    }

    /// What `docker inspect` tells of the container of `service`.
    pub fn container(&self, service: &str) -> anyhow::Result<Value> {
        let mut containers = self.containers()?.into_iter();
        let found = containers.find(|(name, _)| name == service);
        Ok(found.with_context(|| format!("finding the container of {service}"))?.1)
    }

    /// Waits until the container of `service` is healthy.
    pub async fn is_healthy(&self, service: &str) -> anyhow::Result<()> {
        eventually(&format!("{service} is healthy"), async || {
            let healthy = self.container(service)?["State"]["Health"]["Status"] == "healthy";
            Ok(healthy.then_some(()))
        })
        .await
    }

    /// Removes all that the engine has of the project, also what another entry file brought.
    fn remove(&self) -> anyhow::Result<()> {
        self.compose(&["down", "--volumes", "--remove-orphans"])?;
        let volumes = of_the_project(&["volume", "ls"])?;
        if !volumes.is_empty() {
            stdout(docker(&["volume", "rm"]).args(volumes.lines()))?;
        }
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.compose);
        command.current_dir(repository()).args(["--project-name", PROJECT]);
        command.args(["--file", self.tier.file]).args(arguments);
        // The builder that needs no plugin.
        command.env("DOCKER_BUILDKIT", "0");
        command.envs(self.ports.iter().map(|(name, port)| (name, port.to_string())));
        command.envs(self.load.map(|rate| ("LOAD_RATE", rate)));
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for arguments in [&["ps", "--all"][..], &["logs", "--no-color", "--tail", "200"]] {
                eprintln!("{}", self.compose(arguments).unwrap_or_default());
            }
        }
        // Nothing more can be done where this fails.
        let _ = self.remove();
    }
}

/// The containers, volumes and networks that the engine has of the project.
pub fn left_behind() -> anyhow::Result<String> {
    let lists: [&[&str]; 3] = [&["ps", "--all"], &["volume", "ls"], &["network", "ls"]];
    lists.into_iter().map(of_the_project).collect()
}

/// The ids that a command of `docker` lists of the project.
fn of_the_project(list: &[&str]) -> anyhow::Result<String> {
    let filter = format!("label=com.docker.compose.project={PROJECT}");
    stdout(docker(list).args(["--quiet", "--filter", &filter]))
}

/// The id of an image.
pub fn image_id(image: &str) -> anyhow::Result<String> {
    stdout(&mut docker(&["image", "inspect", "--format", "{{.Id}}", image]))
}

fn docker(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments);
    command
}

/// What the command writes to standard output; an error has what it writes to both streams.
pub fn stdout(command: &mut Command) -> anyhow::Result<String> {
    let Output { status, stdout, stderr } =
        command.output().with_context(|| format!("starting {command:?}"))?;
    let (output, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    ensure!(status.success(), "{command:?} ended, {status}:\n{output}{errors}");
    Ok(output.into_owned())
}
