use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use e2e::{Process, free_address, free_addresses, real_program};
use tempfile::TempDir;

use super::api::Api;

/// A real Jaeger, on ports of its own.
pub struct Jaeger {
    /// Where it takes OTLP over gRPC.
    pub otlp: SocketAddr,
    pub api: Api,
    /// Killed when dropped.
    _process: Process,
}

impl Jaeger {
    /// All of a Jaeger 1 in one program, of those that `e2e/programs` builds, by a page's command.
    pub async fn one(program: &'static str, line: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(real_program(program)?);
        let line = line.replace("\\\n", "");
        let (environment, flags) = line.split_once(" jaeger-all-in-one ").expect("the page's form");
        command.envs(environment.split_once('=')).args(flags.split_whitespace());
        let [otlp, query, admin] = free_addresses();
        for (flag, address) in [
            ("collector.otlp.grpc.host-port", otlp),
            ("query.http-server.host-port", query),
            ("admin.http.host-port", admin),
            ("collector.otlp.http.host-port", free_address()),
            ("collector.grpc-server.host-port", free_address()),
            ("collector.http-server.host-port", free_address()),
            ("query.grpc-server.host-port", free_address()),
        ] {
            command.arg(format!("--{flag}={address}"));
        }
        if program == "sidecar-jaeger" {
            for agent in [
                "http-server.",
                "processor.jaeger-binary.server-",
                "processor.jaeger-compact.server-",
                "processor.zipkin-compact.server-",
            ] {
                command.arg(format!("--{agent}host-port={}", free_address()));
            }
        }
        let ready = format!("http://{admin}/");
        let process = Process::start(program, &mut command, &ready).await?;
        Ok(Self { otlp, api: Api::new(format!("http://{query}")), _process: process })
    }

    /// A Jaeger 2 by a page's configuration, which comes in as many files as the page has. The
    /// ports that the page names are replaced already: these of OTLP, and that of health.
    pub async fn two(
        configurations: &[String],
        environment: &[(&str, &str)],
        [otlp, health]: [SocketAddr; 2],
    ) -> anyhow::Result<Self> {
        let [query, grpc, metrics] = free_addresses();
        let ports = serde_json::json!({
            "extensions": {"jaeger_query": {
                "http": {"endpoint": query.to_string()},
                "grpc": {"endpoint": grpc.to_string()},
            }},
            "service": {"telemetry": {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": {
                "host": "127.0.0.1", "port": metrics.port(),
            }}}}]}}},
        });
        let folder = TempDir::new()?;
        let mut command = Command::new(real_program("jaeger")?);
        for (number, text) in configurations.iter().chain([&ports.to_string()]).enumerate() {
            let file = folder.path().join(format!("{number}.yaml"));
            fs::write(&file, text)?;
            command.arg("--config").arg(file);
        }
        command.envs(environment.iter().copied());
        let ready = format!("http://{health}/status");
        let process = Process::start("jaeger", &mut command, &ready).await?;
        Ok(Self { otlp, api: Api::new(format!("http://{query}")), _process: process })
    }
}
