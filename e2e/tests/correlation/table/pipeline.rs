//! The pipeline's health.

use super::{Range, Ranges, Row, about, one, zero};
use crate::truth::Truth;

const NO_LOSS: &str = "the load is far from any limit";

pub const ROWS: &[Row] = &[
    Row {
        panel: "Collector: spans",
        query: "A",
        known_by: "spans in Jaeger a second",
        truth: |truth| truth.per_second(|_| Some("accepted")),
    },
    Row { panel: "Collector: spans", query: "B", known_by: NO_LOSS, truth: |_| zero("refused") },
    Row {
        panel: "Collector: spans",
        query: "C",
        known_by: "spans in Jaeger a second",
        truth: |truth| truth.per_second(|_| Some("sent")),
    },
    Row { panel: "Collector: spans", query: "D", known_by: NO_LOSS, truth: |_| zero("failed") },
    Row {
        panel: "Collector: log lines",
        query: "A",
        known_by: "lines that the lab printed a second",
        truth: |truth| truth.lines_per_second(|_| Some("accepted")),
    },
    Row {
        panel: "Collector: log lines",
        query: "B",
        known_by: NO_LOSS,
        truth: |_| zero("refused"),
    },
    Row {
        panel: "Collector: log lines",
        query: "C",
        known_by: "lines that the lab printed a second",
        truth: |truth| truth.lines_per_second(|_| Some("sent")),
    },
    Row { panel: "Collector: log lines", query: "D", known_by: NO_LOSS, truth: |_| zero("failed") },
    Row {
        panel: "Collector: metric points for Prometheus",
        query: "A",
        known_by: "the series at the endpoint that is scraped, each once a flush",
        truth: |truth| {
            let metrics = truth.metrics("SPAN_METRICS_PORT");
            let count = |names: &[&str]| names.iter().map(|name| metrics.count(name)).sum::<f64>();
            let spans = count(&[
                "traces_span_metrics_calls_total",
                "traces_span_metrics_duration_milliseconds_count",
            ]);
            let graph = count(&[
                "traces_service_graph_request_total",
                "traces_service_graph_request_failed_total",
                "traces_service_graph_request_client_seconds_count",
                "traces_service_graph_request_server_seconds_count",
            ]);
            // Span metrics are flushed every 3 s, the service graph every 2 s.
            one("points", about(spans / 3.0 + graph / 2.0, 0.15))
        },
    },
    Row {
        panel: "Collector: queues in use",
        query: "A",
        known_by: NO_LOSS,
        truth: |_| {
            let queues = ["otlp_grpc/jaeger traces", "otlp_http/loki logs"];
            queues.map(|queue| (queue.to_owned(), Range(0.0, 0.1))).into()
        },
    },
    Row {
        panel: "Collector: kept out by the memory limiter",
        query: "A",
        known_by: NO_LOSS,
        // What is inside at a scrape has come in and not gone out.
        truth: |_| ["logs", "traces"].map(|signal| (signal.to_owned(), Range(-0.5, 0.5))).into(),
    },
    Row {
        panel: "Collector and Jaeger: resident memory",
        query: "A",
        known_by: "what the kernel tells of the processes, the lab's guards included",
        truth: |truth| {
            let memory = |part: &str| Range(0.4, 1.1).per(1.0 / truth.memory[part]);
            ["otel-collector", "jaeger"].map(|part| (part.to_owned(), memory(part))).into()
        },
    },
    Row {
        panel: "Jaeger: spans",
        query: "A",
        known_by: "spans in Jaeger a second",
        truth: |truth| truth.per_second(|_| Some("accepted")),
    },
    Row { panel: "Jaeger: spans", query: "B", known_by: NO_LOSS, truth: |_| zero("refused") },
    Row {
        panel: "Jaeger: spans",
        query: "C",
        known_by: "spans in Jaeger a second",
        truth: |truth| truth.per_second(|_| Some("sent")),
    },
    Row { panel: "Jaeger: spans", query: "D", known_by: NO_LOSS, truth: |_| zero("failed") },
    Row {
        panel: "Jaeger: queue in use",
        query: "A",
        known_by: NO_LOSS,
        truth: |_| one("jaeger_storage_exporter", Range(0.0, 0.1)),
    },
    Row {
        panel: "Jaeger: spans in a write",
        query: "A",
        known_by: "at most twice the mean of spoor's own counters, for no half can be more",
        truth: |truth| one("p50", Range(1.0, 2.0 * spans_in_a_write(truth) + BUCKET)),
    },
    Row {
        panel: "Jaeger: spans in a write",
        query: "B",
        known_by: "at most 20 times the mean of spoor's own counters, for no twentieth can be more",
        truth: |truth| one("p95", Range(1.0, 20.0 * spans_in_a_write(truth) + BUCKET)),
    },
    Row {
        panel: "Prometheus: targets",
        query: "A",
        known_by: "the files of targets, each of which answers",
        truth: |truth| jobs(truth, Range(1.0, 1.0)),
    },
    Row {
        panel: "Prometheus: time of a scrape",
        query: "A",
        known_by: "the files of targets, and the shortest timeout",
        truth: |truth| jobs(truth, Range(1e-6, 2.0)),
    },
    Row {
        panel: "Prometheus: samples",
        query: "A",
        known_by: "the samples that each target shows, once an interval",
        truth: |truth| one("samples", about(truth.samples(), 0.15)),
    },
    Row {
        panel: "Prometheus: exemplars",
        query: "A",
        known_by: "the exemplars that Prometheus has of the minute",
        truth: |truth| one("exemplars", about(truth.exemplars / 60.0, 0.25)),
    },
    Row {
        panel: "Prometheus: storage",
        query: "A",
        known_by: "a block is written after two hours",
        truth: |_| zero("blocks"),
    },
    Row {
        panel: "Prometheus: storage",
        query: "B",
        known_by: "the files of that folder",
        truth: |truth| one("head chunks", about(truth.files["chunks_head"], 0.2)),
    },
    Row {
        panel: "Prometheus: storage",
        query: "C",
        known_by: "the files of that folder",
        truth: |truth| one("write-ahead log", about(truth.files["wal"], 0.2)),
    },
    Row {
        panel: "Prometheus: rules",
        query: "A",
        known_by: "the files of rules, each evaluated every 5 s",
        truth: |truth| one("evaluated", about(truth.rules / 5.0, 0.15)),
    },
    Row {
        panel: "Prometheus: rules",
        query: "B",
        known_by: "no rule fails",
        truth: |_| zero("failed"),
    },
    Row {
        panel: "Loki: log lines taken in",
        query: "A",
        known_by: "lines that the lab printed a second",
        truth: |truth| truth.lines_per_second(|_| Some("taken in")),
    },
    Row {
        panel: "Loki: log lines taken in",
        query: "B",
        known_by: "lines that the lab printed a second",
        truth: |truth| truth.lines_per_second(|_| Some("sent by the Collector")),
    },
    Row {
        panel: "Loki: bytes taken in",
        query: "A",
        known_by: "the order of magnitude of the lines that the lab printed",
        truth: |truth| {
            let printed: usize = truth.lines().map(|line| line.bytes).sum();
            one("bytes", Range(0.5, 4.0).per(60.0 / printed as f64))
        },
    },
    Row {
        panel: "Loki: streams",
        query: "A",
        known_by: "the series that Loki lists",
        truth: |truth| one("streams", Range(truth.streams, truth.streams)),
    },
];

/// The width of the buckets of a write's spans, up to which a quantile is estimated too high.
const BUCKET: f64 = 25.0;

fn spans_in_a_write(truth: &Truth) -> f64 {
    let spans = truth.increase("STORAGE_ADMIN_PORT", "spoor_spans_accepted_total", "service");
    spans.values().sum::<f64>() / truth.writes()
}

fn jobs(truth: &Truth, range: Range) -> Ranges {
    truth.jobs.iter().map(|job| (job.clone(), range)).collect()
}
