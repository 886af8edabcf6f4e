use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::ask::{JaegerQuery, Loki, Prometheus};
use crate::{Process, cargo_program, eventually, free_addresses, real_program};

/// The lab's services and the variables of their ports, each before the two that it calls, round
/// and round.
pub const SERVICES: [(&str, &str); 4] = [
    ("app-a", "APP_A_PORT"),
    ("app-b", "APP_B_PORT"),
    ("app-c", "APP_C_PORT"),
    ("app-d", "APP_D_PORT"),
];

/// Each part by its name, and that of the link that the doctor blames while it does not answer.
pub const PARTS: [(&str, &str); 10] = [
    ("app-a", "app-a"),
    ("app-b", "app-b"),
    ("app-c", "app-c"),
    ("app-d", "app-d"),
    ("spoor", "spoor"),
    ("jaeger", "jaeger"),
    ("otel-collector", "collector"),
    ("prometheus", "prometheus"),
    ("loki", "loki"),
    ("console", "console"),
];

/// Every part that `lab up` can add, with the program that it is.
const PROGRAMS: [(&str, &str); 4] = [
    ("jaeger", "jaeger"),
    ("collector", "otelcol-contrib"),
    ("prometheus", "prometheus"),
    ("loki", "loki"),
];
/// Every port of the native lab.
const PORTS: [&str; 27] = [
    "APP_A_PORT",
    "APP_B_PORT",
    "APP_C_PORT",
    "APP_D_PORT",
    "APP_A_ADMIN_PORT",
    "APP_B_ADMIN_PORT",
    "APP_C_ADMIN_PORT",
    "APP_D_ADMIN_PORT",
    "LOAD_PORT",
    "STORAGE_PORT",
    "STORAGE_ADMIN_PORT",
    "JAEGER_UI_PORT",
    "JAEGER_QUERY_GRPC_PORT",
    "JAEGER_HEALTH_PORT",
    "JAEGER_METRICS_PORT",
    "JAEGER_OTLP_GRPC_PORT",
    "JAEGER_OTLP_HTTP_PORT",
    "OTLP_GRPC_PORT",
    "OTLP_HTTP_PORT",
    "COLLECTOR_HEALTH_PORT",
    "COLLECTOR_METRICS_PORT",
    "SPAN_METRICS_PORT",
    "PROMETHEUS_PORT",
    "LOKI_PORT",
    "LOKI_GRPC_PORT",
    "CONSOLE_PORT",
    "LINES_PORT",
];

/// How a native lab differs from `lab up --with` everything.
#[derive(Default)]
pub struct Changes<'a> {
    /// `PART:NAME=VALUE` each, as `lab up --env` takes them.
    pub environment: &'a [String],
    /// A part as `lab up --with` takes it, and a shell's words that stand for its arguments, of
    /// which `"$@"` are those that the lab gives it.
    pub arguments: &'a [(&'a str, &'a str)],
    /// Requests a second, instead of the default.
    pub load: Option<&'a str>,
}

/// The whole lab without containers, as `lab up` runs it, on ports of its own.
pub struct NativeLab {
    program: PathBuf,
    ports: Vec<(&'static str, u16)>,
    process: Process,
    _wrappers: TempDir,
}

impl NativeLab {
    /// Starts it with every part, and waits until all are ready.
    ///
    /// # Errors
    /// When a program cannot be built, or a part does not become ready.
    pub async fn up(changes: Changes<'_>) -> anyhow::Result<Self> {
        let program = cargo_program("lab")?;
        let addresses = free_addresses::<{ PORTS.len() }>().map(|address| address.port());
        let ports: Vec<_> = PORTS.into_iter().zip(addresses).collect();
        let wrappers = TempDir::new().context("making a folder for programs")?;
        for (part, name) in PROGRAMS {
            let path = real_program(part)?;
            let words = changes.arguments.iter().find(|(changed, _)| *changed == part);
            let words = words.map_or(r#""$@""#, |(_, words)| words);
            let file = wrappers.path().join(name);
            std::fs::write(&file, format!("#!/bin/sh\nexec '{}' {words}\n", path.display()))?;
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755))?;
        }

        let mut command = Command::new(&program);
        command.args(["up", "--logs", "--with", &PROGRAMS.map(|(part, _)| part).join(",")]);
        for setting in changes.environment {
            command.args(["--env", setting]);
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", wrappers.path().display()));
        command.envs(ports.iter().map(|(variable, port)| (*variable, port.to_string())));
        if let Some(rate) = changes.load {
            command.env("LOAD_RATE", rate);
        }
        let last = ports.iter().find(|(variable, _)| *variable == "APP_D_PORT");
        let (_, port) = last.expect("it is among the ports");
        let ready = format!("http://127.0.0.1:{port}/healthz");
        let process = Process::start("lab", &mut command, &ready).await?;
        eventually("the lab is up", async || {
            Ok(process.output().contains("The lab is up.").then_some(()))
        })
        .await?;
        Ok(Self { program, ports, process, _wrappers: wrappers })
    }

    /// The URL of what listens on the port that `variable` names.
    ///
    /// # Panics
    /// For a variable that is not among `PORTS`.
    #[must_use]
    pub fn url(&self, variable: &str) -> String {
        let port = self.ports.iter().find(|(name, _)| *name == variable);
        format!("http://127.0.0.1:{}", port.expect("it is a port of the lab").1)
    }

    /// Its Prometheus.
    #[must_use]
    pub fn prometheus(&self) -> Prometheus {
        Prometheus(self.url("PROMETHEUS_PORT"))
    }

    /// Its Loki.
    #[must_use]
    pub fn loki(&self) -> Loki {
        Loki(self.url("LOKI_PORT"))
    }

    /// Its Jaeger.
    #[must_use]
    pub fn jaeger(&self) -> JaegerQuery {
        JaegerQuery(self.url("JAEGER_UI_PORT"))
    }

    /// The id of the lab's own process, the parent of every part's.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the lab has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Whether `lab doctor` finds the lab whole, and its report, after at most `deadline` of the
    /// form `60s`. `wrapper` is put before the command.
    ///
    /// # Errors
    /// When it does not start or prints no report.
    pub fn doctor(&self, deadline: &str, wrapper: &[&str]) -> anyhow::Result<(bool, Value)> {
        let words = wrapper.iter().map(PathBuf::from).chain([self.program.clone()]);
        let words: Vec<_> = words.collect();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["doctor", "--json", "--deadline", deadline]);
        command.args(["--with", &PROGRAMS.map(|(part, _)| part).join(",")]);
        command.envs(self.ports.iter().map(|(variable, port)| (*variable, port.to_string())));
        let output = command.output().context("starting lab doctor")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.stdout.is_empty(), "lab doctor reports nothing:\n{errors}");
        let report = serde_json::from_slice(&output.stdout).context("reading the report")?;
        Ok((output.status.success(), report))
    }
}
