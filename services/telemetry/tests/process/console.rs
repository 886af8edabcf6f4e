//! What is exported to stdout.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde::de::DeserializeOwned;

use super::collector::{Collector, text};
use super::program::{EACH, Output, SPANS, run};

/// The lines that are requests of this kind, in OTLP's JSON.
fn requests<T: DeserializeOwned>(output: &Output, key: &str) -> Vec<T> {
    let lines = output.stdout.iter().filter(|line| line.starts_with(&format!("{{\"{key}\"")));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn on_the_console_each_signal_is_lines_of_otlp_json_beside_those_of_the_log() {
    let console = "console";
    let output = run(
        "work",
        &[
            ("LOG_FORMAT", "json"),
            ("OTEL_TRACES_EXPORTER", console),
            ("OTEL_METRICS_EXPORTER", console),
            ("OTEL_LOGS_EXPORTER", console),
            ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5"),
        ],
    )
    .await;

    let spans: Vec<ExportTraceServiceRequest> = requests(&output, "resourceSpans");
    assert_eq!(spans.len(), SPANS, "{:#?}", output.stdout);
    let of_resource = &spans[0].resource_spans[0];
    let resource = of_resource.resource.as_ref().unwrap();
    assert_eq!(text(&resource.attributes, "service.name").as_deref(), Some("program"));
    let span = &of_resource.scope_spans[0].spans[0];
    assert_eq!((span.name.as_str(), span.trace_id.len(), span.events.len()), ("work", 16, EACH));
    assert_eq!(text(&span.attributes, "text").as_deref(), Some("alpha"));

    let [logs] = requests::<ExportLogsServiceRequest>(&output, "resourceLogs").try_into().unwrap();
    assert_eq!(logs.resource_logs[0].scope_logs[0].log_records[0].severity_text, "INFO");
    let [metrics] =
        requests::<ExportMetricsServiceRequest>(&output, "resourceMetrics").try_into().unwrap();
    let mut names: Vec<_> = metrics.resource_metrics[0]
        .scope_metrics
        .iter()
        .flat_map(|scope| scope.metrics.iter().map(|metric| metric.name.as_str()))
        .collect();
    names.sort();
    assert_eq!(names, ["duration", "items"]);
    assert_eq!(output.lines("\"message\":\"worked\"").len(), 1, "{:#?}", output.stdout);
}

#[tokio::test]
async fn a_signal_may_go_to_the_console_and_to_a_backend() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let output = run("work", &[(name, &endpoint), ("OTEL_TRACES_EXPORTER", "otlp,console")]).await;
    assert_eq!(collector.wait_for(SPANS).await.len(), SPANS);
    assert_eq!(requests::<ExportTraceServiceRequest>(&output, "resourceSpans").len(), SPANS);
}
