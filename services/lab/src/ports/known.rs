//! Every port of the lab. The variables are those of `.env`, as far as containers publish the port.

use super::Port;

/// HTTP and gRPC of each service.
pub const APPS: [Port; 4] = [
    Port { inside: 8000, ..Port::new("app-a", "APP_A_PORT", 8000) },
    Port { inside: 8000, ..Port::new("app-b", "APP_B_PORT", 8001) },
    Port { inside: 8000, ..Port::new("app-c", "APP_C_PORT", 8002) },
    Port { inside: 8000, ..Port::new("app-d", "APP_D_PORT", 8003) },
];
/// HTTP of each service's faults.
pub const FAULTS: [Port; 4] = [
    Port { inside: 8100, ..Port::new("app-a", "APP_A_ADMIN_PORT", 8100) },
    Port { inside: 8100, ..Port::new("app-b", "APP_B_ADMIN_PORT", 8101) },
    Port { inside: 8100, ..Port::new("app-c", "APP_C_ADMIN_PORT", 8102) },
    Port { inside: 8100, ..Port::new("app-d", "APP_D_ADMIN_PORT", 8103) },
];
/// The service whose `/chain` crosses all others.
pub const ENTRY: Port = APPS[0];

/// HTTP of the load: its figures, and another rate.
pub const LOAD: Port = Port::new("load", "LOAD_PORT", 8089);

/// gRPC of the storage server: OTLP and `jaeger.storage.v2`.
pub const STORAGE: Port = Port::new("spoor", "STORAGE_PORT", 17271);
/// HTTP of the storage server: `/readyz` and `/metrics`.
pub const STORAGE_ADMIN: Port = Port::new("spoor", "STORAGE_ADMIN_PORT", 17272);

/// HTTP of Jaeger's UI and query APIs.
pub const JAEGER_UI: Port = Port::new("jaeger", "JAEGER_UI_PORT", 16686);
/// gRPC of Jaeger's query API.
pub const JAEGER_QUERY_GRPC: Port = Port::new("jaeger", "JAEGER_QUERY_GRPC_PORT", 16685);
/// Jaeger's `/status`.
pub const JAEGER_HEALTH: Port = Port::new("jaeger", "JAEGER_HEALTH_PORT", 13133);
/// Jaeger's own metrics.
pub const JAEGER_METRICS: Port = Port::new("jaeger", "JAEGER_METRICS_PORT", 8888);
/// Jaeger's own receivers once a Collector has those of the lab.
pub const JAEGER_OTLP_GRPC: Port =
    Port { inside: 4317, ..Port::new("jaeger", "JAEGER_OTLP_GRPC_PORT", 14317) };
/// See [`JAEGER_OTLP_GRPC`].
pub const JAEGER_OTLP_HTTP: Port =
    Port { inside: 4318, ..Port::new("jaeger", "JAEGER_OTLP_HTTP_PORT", 14318) };

/// Where services send telemetry: the Collector's or, without one, Jaeger's.
pub const OTLP_GRPC: Port = Port::new("otel-collector", "OTLP_GRPC_PORT", 4317);
/// See [`OTLP_GRPC`].
pub const OTLP_HTTP: Port = Port::new("otel-collector", "OTLP_HTTP_PORT", 4318);
/// The Collector's health check, at `/`.
pub const COLLECTOR_HEALTH: Port = Port::new("otel-collector", "COLLECTOR_HEALTH_PORT", 13134);
/// The Collector's own metrics.
pub const COLLECTOR_METRICS: Port = Port::new("otel-collector", "COLLECTOR_METRICS_PORT", 8887);
/// The metrics that the Collector makes of spans.
pub const SPAN_METRICS: Port = Port::new("otel-collector", "SPAN_METRICS_PORT", 8889);

/// HTTP of Prometheus.
pub const PROMETHEUS: Port = Port::new("prometheus", "PROMETHEUS_PORT", 9090);

/// HTTP of Loki.
pub const LOKI: Port = Port::new("loki", "LOKI_PORT", 3100);
/// gRPC of Loki, for itself.
pub const LOKI_GRPC: Port = Port::new("loki", "LOKI_GRPC_PORT", 9095);

/// HTTP of Grafana.
pub const GRAFANA: Port = Port::new("grafana", "GRAFANA_PORT", 3000);

/// HTTP of the console.
pub const CONSOLE: Port = Port::new("console", "CONSOLE_PORT", 8010);
/// HTTP of the native lab itself: the last log lines of its parts.
pub const LINES: Port = Port::new("lab", "LINES_PORT", 8011);

/// All of them.
pub const ALL: [Port; 28] = [
    APPS[0],
    APPS[1],
    APPS[2],
    APPS[3],
    FAULTS[0],
    FAULTS[1],
    FAULTS[2],
    FAULTS[3],
    LOAD,
    STORAGE,
    STORAGE_ADMIN,
    JAEGER_UI,
    JAEGER_QUERY_GRPC,
    JAEGER_HEALTH,
    JAEGER_METRICS,
    JAEGER_OTLP_GRPC,
    JAEGER_OTLP_HTTP,
    OTLP_GRPC,
    OTLP_HTTP,
    COLLECTOR_HEALTH,
    COLLECTOR_METRICS,
    SPAN_METRICS,
    PROMETHEUS,
    LOKI,
    LOKI_GRPC,
    GRAFANA,
    CONSOLE,
    LINES,
];
