//! Jaeger over the storage server.

use std::path::Path;

use super::{Part, Plan, configure, foreign};
use crate::ports::known::{
    JAEGER_HEALTH, JAEGER_METRICS, JAEGER_OTLP_GRPC, JAEGER_OTLP_HTTP, JAEGER_QUERY_GRPC,
    JAEGER_UI, OTLP_GRPC, OTLP_HTTP, PROMETHEUS, STORAGE,
};
use crate::with::With;

/// The files that the container has, with a variable for whatever differs here.
const BASE: &str = include_str!("../../../../compose/jaeger/config.yaml");
const SPM: &str = include_str!("../../../../compose/jaeger/spm.yaml");
const LOGS: &str = include_str!("../../../../compose/jaeger/logs.yaml");

pub fn part(plan: &Plan, program: &Path) -> anyhow::Result<Part> {
    let name = JAEGER_UI.part;
    let mut command = foreign(name, program, None)?;
    command.env("JAEGER_LISTEN_HOST", plan.host());
    command.env("STORAGE_ENDPOINT", plan.address(STORAGE));
    plan.set_ports(&mut command, &[JAEGER_UI, JAEGER_QUERY_GRPC, JAEGER_HEALTH, JAEGER_METRICS]);
    let mut configurations = vec![BASE];
    let mut places = vec![(plan.url(JAEGER_UI), "the UI, and the query APIs")];
    let (grpc, http) = match plan.has(With::Collector) {
        true => (JAEGER_OTLP_GRPC, JAEGER_OTLP_HTTP),
        false => {
            places.push((plan.address(OTLP_GRPC), "OTLP in, over gRPC"));
            places.push((plan.url(OTLP_HTTP), "OTLP in, over HTTP"));
            (OTLP_GRPC, OTLP_HTTP)
        }
    };
    command.env(JAEGER_OTLP_GRPC.variable, plan.number(grpc));
    command.env(JAEGER_OTLP_HTTP.variable, plan.number(http));
    if plan.has(With::Prometheus) {
        configurations.push(SPM);
        command.env("PROMETHEUS_ENDPOINT", plan.url(PROMETHEUS));
        places.push((format!("{}/monitor", plan.url(JAEGER_UI)), "the Monitor tab"));
    }
    if plan.has(With::Loki) {
        configurations.push(LOGS);
        command.env("OTLP_LOGS_ENDPOINT", plan.url(OTLP_HTTP));
    }
    configure(&mut command, &configurations);
    let ready = Some(format!("{}/status", plan.url(JAEGER_HEALTH)));
    Ok(Part { name, command, folder: None, ready, places })
}
