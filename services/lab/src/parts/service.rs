//! The instrumented services.

use super::{Part, Plan, this_program};
use crate::ports::known::{APPS, FAULTS, OTLP_GRPC, OTLP_HTTP, STORAGE};
use crate::with::With;

/// The service of [`APPS`] at `index`. Its targets are the next two, round and round.
pub fn part(plan: &Plan, index: usize) -> anyhow::Result<Part> {
    let url = |offset| plan.url(APPS[(index + offset) % APPS.len()]);
    let name = APPS[index].part;
    let mut command = this_program(name, "demo")?;
    command.env("OTEL_SERVICE_NAME", name);
    command.env("LISTEN", plan.address(APPS[index]));
    command.env("TARGET_ONE", url(1)).env("TARGET_TWO", url(2));
    command.env("ADMIN_LISTEN", plan.address(FAULTS[index]));
    command.env("ADMIN_TOKEN", &plan.admin_token);
    if plan.checked {
        command.env_remove("RUST_LOG");
    }
    let (protocol, endpoint) = match () {
        // Each protocol is on show, as in the containers.
        () if plan.has(With::Collector) && index >= 2 => ("http/protobuf", OTLP_HTTP),
        () if plan.has(With::Jaeger) => ("grpc", OTLP_GRPC),
        () => ("grpc", STORAGE),
    };
    command.env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", plan.url(endpoint));
    command.env("OTEL_LOGS_EXPORTER", if plan.has(With::Loki) { "otlp" } else { "none" });
    // Nobody takes any: the Collector makes its metrics of spans.
    command.env("OTEL_METRICS_EXPORTER", "none");
    Ok(Part {
        name,
        command,
        folder: None,
        ready: Some(format!("{}/healthz", url(0))),
        places: vec![
            (url(0), "HTTP and gRPC"),
            (format!("{}/faults", plan.url(FAULTS[index])), "its faults, with the token below"),
        ],
    })
}
