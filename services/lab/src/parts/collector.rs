//! The OpenTelemetry Collector.

use std::path::Path;

use super::{Part, Plan, configure, foreign};
use crate::ports::known::{
    COLLECTOR_HEALTH, COLLECTOR_METRICS, JAEGER_OTLP_GRPC, LOKI, OTLP_GRPC, OTLP_HTTP, SPAN_METRICS,
};
use crate::with::With;

/// The files that the container has, with a variable for whatever differs here.
const BASE: &str = include_str!("../../../../compose/otel-collector/config.yaml");
const LOGS: &str = include_str!("../../../../compose/otel-collector/logs.yaml");

pub fn part(plan: &Plan, program: &Path) -> anyhow::Result<Part> {
    let name = OTLP_GRPC.part;
    let mut command = foreign(name, program, None)?;
    command.env("COLLECTOR_LISTEN_HOST", plan.host());
    command.env("JAEGER_ENDPOINT", plan.address(JAEGER_OTLP_GRPC));
    let ports = [OTLP_GRPC, OTLP_HTTP, COLLECTOR_HEALTH, COLLECTOR_METRICS, SPAN_METRICS];
    plan.set_ports(&mut command, &ports);
    let mut configurations = vec![BASE];
    if plan.has(With::Loki) {
        configurations.push(LOGS);
        command.env("LOKI_ENDPOINT", format!("{}/otlp", plan.url(LOKI)));
    }
    configure(&mut command, &configurations);
    Ok(Part {
        name,
        command,
        folder: None,
        ready: Some(format!("{}/", plan.url(COLLECTOR_HEALTH))),
        places: vec![
            (plan.address(OTLP_GRPC), "OTLP in, over gRPC"),
            (plan.url(OTLP_HTTP), "OTLP in, over HTTP"),
            (format!("{}/metrics", plan.url(SPAN_METRICS)), "the metrics that it makes of spans"),
        ],
    })
}
