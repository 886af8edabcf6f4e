//! The storage server.

use super::{Part, Plan, folder, this_program};
use crate::ports::known::{JAEGER_OTLP_GRPC, OTLP_GRPC, STORAGE, STORAGE_ADMIN};
use crate::with::With;

pub fn part(plan: &Plan) -> anyhow::Result<Part> {
    let name = STORAGE.part;
    let folder = folder(name)?;
    let mut command = this_program(name, "spoor")?;
    command.arg("--folder").arg(folder.path()).arg("serve");
    command.env("SPOOR_DATA_DIR", folder.path().join("data"));
    command.env("SPOOR_LISTEN", plan.address(STORAGE));
    command.env("SPOOR_ADMIN_LISTEN", plan.address(STORAGE_ADMIN));
    if plan.has(With::Loki) {
        command.env("OTEL_LOGS_EXPORTER", "otlp");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", plan.url(OTLP_GRPC));
    } else {
        command.env("OTEL_LOGS_EXPORTER", "none");
    }
    if plan.has(With::Jaeger) {
        command.env("SPOOR_TRACING", "true");
        // Past the Collector, as in the containers.
        let jaeger = if plan.has(With::Collector) { JAEGER_OTLP_GRPC } else { OTLP_GRPC };
        command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", plan.url(jaeger));
    }
    let admin = plan.url(STORAGE_ADMIN);
    Ok(Part {
        name,
        command,
        folder: Some(folder),
        ready: Some(format!("{admin}/readyz")),
        places: vec![
            (plan.address(STORAGE), "OTLP in, jaeger.storage.v2 out, over gRPC"),
            (format!("{admin}/metrics"), "its metrics"),
        ],
    })
}
