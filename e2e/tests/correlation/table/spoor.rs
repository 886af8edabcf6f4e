//! Spoor, the trace store.

use std::collections::BTreeMap;

use super::{Range, Ranges, Row, about, around, one, zero};
use crate::truth::{MINUTE, Truth};

const PORT: &str = "STORAGE_ADMIN_PORT";
/// Seconds between the store's own number and Jaeger's answer, at most.
const LATE: f64 = 10.0;
/// What spoor may hold unless it is told otherwise, in bytes.
const LIMIT: f64 = 256.0 * 1024.0 * 1024.0;

pub const ROWS: &[Row] = &[
    Row {
        panel: "Spans kept",
        query: "A",
        known_by: "spans in Jaeger a second",
        truth: |truth| truth.per_second(|_| Some("spans")),
    },
    Row {
        panel: "Spans refused",
        query: "A",
        known_by: "the load makes no bad span",
        truth: |_| zero("refused"),
    },
    Row {
        panel: "Traces held",
        query: "A",
        known_by: "traces in Jaeger",
        truth: |truth| one("traces", traces(truth)),
    },
    Row {
        panel: "Bytes a span",
        query: "A",
        known_by: "the order of magnitude of an encoded span with its attributes",
        truth: |_| one("bytes", Range(200.0, 2_000.0)),
    },
    Row {
        panel: "Store in use",
        query: "A",
        known_by: "what spoor itself tells, of its default limit",
        truth: |truth| one("store", held(truth).per(LIMIT)),
    },
    Row {
        panel: "Exports in flight",
        query: "A",
        known_by: "the load is far from the limit",
        truth: |_| one("in flight", Range(0.0, 0.1)),
    },
    Row {
        panel: "Spans kept by service",
        query: "A",
        known_by: "spans in Jaeger a second",
        truth: |truth| truth.per_second(|span| Some(&*span.service)),
    },
    Row {
        panel: "Spans refused and late",
        query: "A",
        known_by: "the load makes no bad span",
        truth: |_| zero("refused"),
    },
    Row {
        panel: "Spans refused and late",
        query: "B",
        known_by: "no span waits for a minute",
        truth: |_| zero("late"),
    },
    Row {
        panel: "Memory against its limit",
        query: "A",
        known_by: "what spoor itself tells",
        truth: |truth| one("held", held(truth)),
    },
    Row {
        panel: "Memory against its limit",
        query: "B",
        known_by: "spoor's default",
        truth: |_| one("limit", Range(LIMIT, LIMIT)),
    },
    Row {
        panel: "Requests by method",
        query: "A",
        known_by: "the rise of spoor's own counters",
        truth: |truth| requests(truth, "rpc"),
    },
    Row {
        panel: "95th percentile by method",
        query: "A",
        known_by: "none takes a second, so few spans are there",
        truth: |truth| {
            let methods = truth.increase(PORT, "spoor_requests_total", "rpc").into_keys();
            methods.map(|method| (method, Range(0.0, 1.0))).collect()
        },
    },
    Row {
        panel: "Requests by status",
        query: "A",
        known_by: "the rise of spoor's own counters",
        truth: |truth| requests(truth, "code"),
    },
    Row {
        panel: "Traces and spans held",
        query: "A",
        known_by: "spans in Jaeger",
        truth: |truth| {
            let before = |time: f64| {
                truth.spans.iter().filter(|span| span.end as f64 / 1e9 <= time).count() as f64
            };
            one("spans", Range(before(truth.time - LATE), before(truth.time)))
        },
    },
    Row {
        panel: "Traces and spans held",
        query: "B",
        known_by: "traces in Jaeger",
        truth: |truth| one("traces", traces(truth)),
    },
    Row {
        panel: "Traces forgotten",
        query: "A",
        known_by: "the store is far from its limit",
        truth: |_| zero("forgotten"),
    },
    Row {
        panel: "Connections",
        query: "A",
        known_by: "Jaeger reads on one and writes on another",
        truth: |_| one("open", Range(2.0, 2.0)),
    },
    Row {
        panel: "Connections",
        query: "B",
        known_by: "spoor's default",
        truth: |_| one("limit", Range(1_000.0, 1_000.0)),
    },
];

fn held(truth: &Truth) -> Range {
    about(truth.metrics(PORT).sum("spoor_store_size_bytes"), 0.1)
}

fn traces(truth: &Truth) -> Range {
    let mut starts: BTreeMap<&str, f64> = BTreeMap::new();
    for span in &truth.spans {
        let start = starts.entry(&span.trace).or_insert(f64::INFINITY);
        *start = start.min(span.start as f64 / 1e9);
    }
    let before = |time| starts.values().filter(|start| **start <= time).count() as f64;
    Range(before(truth.time - LATE), before(truth.time))
}

/// Writes are steady. Reads are this test's own, all at once: a rate may miss them, between the
/// minute's start and the first scrape in it.
fn requests(truth: &Truth, label: &str) -> Ranges {
    let rises = truth.increase(PORT, "spoor_requests_total", label);
    let range = |key: &str, rise| {
        let steady = if key == "Ok" || key.ends_with("/Export") { truth.writes() } else { 0.0 };
        Range(around(steady).0, around(rise).1).per(MINUTE)
    };
    rises.into_iter().map(|(key, rise)| (key.clone(), range(&key, rise))).collect()
}
