//! One service, app-a.

use e2e::ask::Span;

use super::Row;

pub const SERVICE: &str = "app-a";

pub const ROWS: &[Row] = &[
    Row {
        panel: "Requests",
        query: "A",
        known_by: "its server spans in Jaeger a second",
        truth: |truth| truth.per_second(|span| is_request(span).then_some("requests")),
    },
    Row {
        panel: "Failed requests",
        query: "A",
        known_by: "the share of its server spans in Jaeger with an error",
        truth: |truth| truth.share(|span| is_request(span).then_some(("failed", span.failed))),
    },
    Row {
        panel: "95th percentile",
        query: "A",
        known_by: "the bucket around that of its server spans in Jaeger",
        truth: |truth| truth.quantile(0.95, |span| is_request(span).then_some("p95")),
    },
    Row {
        panel: "Errors in the log",
        query: "A",
        known_by: "error lines that the lab printed a second",
        truth: |truth| {
            truth.lines_per_second(|line| {
                (line.part == SERVICE && line.level == "error").then_some("errors")
            })
        },
    },
    Row {
        panel: "Requests by operation",
        query: "A",
        known_by: "its server spans in Jaeger a second",
        truth: |truth| truth.per_second(|span| is_request(span).then_some(&*span.name)),
    },
    Row {
        panel: "Failed requests by operation",
        query: "A",
        known_by: "its server spans in Jaeger with an error a second",
        truth: |truth| {
            truth.per_second(|span| (is_request(span) && span.failed).then_some(&*span.name))
        },
    },
    Row {
        panel: "Latency",
        query: "A",
        known_by: "the bucket around the median of its server spans in Jaeger",
        truth: |truth| truth.quantile(0.5, |span| is_request(span).then_some("p50")),
    },
    Row {
        panel: "Latency",
        query: "B",
        known_by: "the bucket around that of its server spans in Jaeger",
        truth: |truth| truth.quantile(0.95, |span| is_request(span).then_some("p95")),
    },
    Row {
        panel: "Latency",
        query: "C",
        known_by: "the bucket around that of its server spans in Jaeger",
        truth: |truth| truth.quantile(0.99, |span| is_request(span).then_some("p99")),
    },
    Row {
        panel: "Operations",
        query: "A",
        known_by: "its server spans in Jaeger a second",
        truth: |truth| truth.per_second(|span| is_request(span).then_some(&*span.name)),
    },
    Row {
        panel: "Operations",
        query: "B",
        known_by: "the share of its server spans in Jaeger with an error",
        truth: |truth| truth.share(|span| is_request(span).then_some((&*span.name, span.failed))),
    },
    Row {
        panel: "Operations",
        query: "C",
        known_by: "the bucket around that of its server spans in Jaeger",
        truth: |truth| truth.quantile(0.95, |span| is_request(span).then_some(&*span.name)),
    },
    Row {
        panel: "Calls to and from other services",
        query: "A",
        known_by: "its server spans in Jaeger by their parents' service",
        truth: |truth| {
            truth
                .per_second(|span| is_request(span).then(|| format!("from {}", truth.caller(span))))
        },
    },
    Row {
        panel: "Calls to and from other services",
        query: "B",
        known_by: "server spans in Jaeger whose parent is of this service",
        truth: |truth| {
            truth.per_second(|span| {
                let is_call = span.is_server() && truth.caller(span) == SERVICE;
                is_call.then(|| format!("to {}", span.service))
            })
        },
    },
    Row {
        panel: "Log lines by level",
        query: "A",
        known_by: "lines that the lab printed a second",
        truth: |truth| truth.lines_per_second(|line| (line.part == SERVICE).then_some(&line.level)),
    },
    Row {
        panel: "Logs",
        query: "A",
        known_by: "how many lines the lab printed in the minute",
        truth: |truth| {
            let lines = truth.lines_per_second(|line| (line.part == SERVICE).then_some("lines"));
            lines.into_iter().map(|(key, range)| (key, range.per(1.0 / 60.0))).collect()
        },
    },
];

fn is_request(span: &Span) -> bool {
    span.is_server() && span.service == SERVICE
}
