//! The instrumented services.

use super::{Part, Plan, this_program};
use crate::ports::known::{APPS, FAULTS, OTLP_GRPC, OTLP_HTTP, STORAGE};
use crate::with::With;

/// The headers that carry a trace's context: spans show them, on both sides of each hop.
const HEADERS: &str = "traceparent,tracestate,baggage,uber-trace-id,jaeger-debug-id";
/// What holds unless the shell says otherwise, as in the containers.
const DEFAULTS: [(&str, &str); 5] = [
    // Of two that tell a context the later is followed: W3C's, which has a state, too.
    ("OTEL_PROPAGATORS", "jaeger,tracecontext,baggage"),
    ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", HEADERS),
    ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", HEADERS),
    ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST", HEADERS),
    ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_REQUEST", HEADERS),
];

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
    for (name, value) in DEFAULTS {
        if std::env::var_os(name).is_none_or(|value| value.is_empty()) {
            command.env(name, value);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_and_headers_are_those_of_the_containers() {
        let base = include_str!("../../../../compose/base.yaml");
        let settings = include_str!("../../../../.env");
        let [(propagators, list), headers @ ..] = DEFAULTS;
        assert!(base.contains(&format!("  {propagators}: ${{{propagators}}}\n")));
        assert!(settings.contains(&format!("\n{propagators}={list}\n")));
        assert!(base.contains(&format!(": &headers {HEADERS}\n")));
        for (name, _) in headers {
            let line = base.lines().find_map(|line| line.trim().strip_prefix(name));
            let value = line.unwrap_or_else(|| panic!("{name} is not set"));
            assert!(
                [": *headers", &format!(": &headers {HEADERS}")].contains(&value),
                "{name}{value}"
            );
        }
    }
}
