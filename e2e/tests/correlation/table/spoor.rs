//! Spoor, the trace store.

use std::collections::BTreeMap;

use super::{Range, Ranges, Row, about, around, one, zero};
use crate::truth::{MINUTE, Truth};

const PORT: &str = "STORAGE_ADMIN_PORT";
/// Seconds between the store's own number and Jaeger's answer, at most.
const LATE: f64 = 10.0;
/// What spoor's files may take unless it is told otherwise, in bytes.
const LIMIT: f64 = 4096.0 * MIB;
const MIB: f64 = 1024.0 * 1024.0;
/// By which share a number of spoor's own goes up and down between scrapes, with each log that
/// becomes a segment.
const BETWEEN_SCRAPES: f64 = 0.5;

const WRITTEN: &str = "spoor_store_written_bytes_total";
const TRACES: &str = "traces in Jaeger, each of which may lie in two logs";

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
        known_by: TRACES,
        truth: |truth| one("traces", traces(truth)),
    },
    Row {
        panel: "Bytes a span",
        query: "A",
        known_by: "the orders of magnitude of a span in a segment and in the log",
        truth: |_| one("bytes", Range(20.0, 1_000.0)),
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
        panel: "Disk against its limit",
        query: "A",
        known_by: "what spoor itself tells",
        truth: |truth| one("held", held(truth)),
    },
    Row {
        panel: "Disk against its limit",
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
        known_by: TRACES,
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
    Row {
        panel: "Bytes by place",
        query: "A",
        known_by: "what spoor itself tells; of the log, no more than it wrote in the minute",
        truth: |truth| {
            let files = truth.metrics(PORT).by("spoor_store_files_bytes", "file");
            let logged = truth.increase(PORT, WRITTEN, "file")["log"];
            Ranges::from([
                ("log".to_owned(), Range(1.0, logged)),
                ("segment".to_owned(), about(files["segment"], BETWEEN_SCRAPES)),
            ])
        },
    },
    Row {
        panel: "Bytes by place",
        query: "B",
        known_by: "spoor's default, twice while a log becomes a segment",
        truth: |_| one("memory", Range(0.0, 2.0 * 24.0 * MIB)),
    },
    Row {
        panel: "Segments and logs",
        query: "A",
        known_by: "what spoor itself tells, before or after eight become one",
        truth: |truth| {
            let segments = truth.metrics(PORT).sum("spoor_store_segments");
            one("segments", Range((segments - 8.0).max(1.0), segments + 8.0))
        },
    },
    Row {
        panel: "Segments and logs",
        query: "B",
        known_by: "one is written to, and one may be on its way to a segment",
        truth: |_| one("logs", Range(1.0, 2.0)),
    },
    Row {
        panel: "Written to the disk",
        query: "A",
        known_by: "the rise of spoor's own counters",
        truth: |truth| {
            let rises = truth.increase(PORT, WRITTEN, "file").into_iter();
            rises.map(|(file, rise)| (file, about(rise, BETWEEN_SCRAPES).per(MINUTE))).collect()
        },
    },
    Row {
        panel: "99th percentile of syncs",
        query: "A",
        known_by: "the kinds of files that spoor tells of, and the greatest bucket",
        truth: |truth| {
            let files = truth.metrics(PORT).by("spoor_store_sync_duration_seconds_count", "file");
            files.into_keys().map(|file| (file, Range(1e-6, 2.5))).collect()
        },
    },
    Row {
        panel: "Making segments",
        query: "A",
        known_by: "the rise of spoor's own counters, give or take one that took as long as all",
        truth: |truth| {
            let rises = truth.increase(PORT, "spoor_store_task_duration_seconds_sum", "task");
            let range = |rise: f64| Range(0.0, 3.0 * rise).per(MINUTE);
            rises.into_iter().map(|(task, rise)| (task, range(rise))).collect()
        },
    },
    Row {
        panel: "Blocks looked at by searches",
        query: "A",
        known_by: "the rise of spoor's own counter",
        truth: |truth| looked_at(truth, "read"),
    },
    Row {
        panel: "Blocks looked at by searches",
        query: "B",
        known_by: "the rise of spoor's own counter",
        truth: |truth| looked_at(truth, "skipped"),
    },
    Row {
        panel: "Writes refused and tasks that failed",
        query: "A",
        known_by: "the load makes no bad export",
        truth: |_| {
            let reasons = ["malformed", "too_large", "overloaded", "unavailable"];
            reasons.map(|reason| (reason.to_owned(), Range::ZERO)).into()
        },
    },
    Row {
        panel: "Writes refused and tasks that failed",
        query: "B",
        known_by: "the disk does not fail",
        truth: |_| zero("failed tasks"),
    },
    Row {
        panel: "Read-only",
        query: "A",
        known_by: "the disk is neither full nor fails",
        truth: |_| zero("read-only"),
    },
];

fn held(truth: &Truth) -> Range {
    about(truth.metrics(PORT).sum("spoor_store_size_bytes"), BETWEEN_SCRAPES)
}

fn traces(truth: &Truth) -> Range {
    let mut starts: BTreeMap<&str, f64> = BTreeMap::new();
    for span in &truth.spans {
        let start = starts.entry(&span.trace).or_insert(f64::INFINITY);
        *start = start.min(span.start as f64 / 1e9);
    }
    let before = |time| starts.values().filter(|start| **start <= time).count() as f64;
    Range(before(truth.time - LATE), 2.0 * before(truth.time))
}

/// Searches are this test's own: see [`requests`].
fn looked_at(truth: &Truth, what: &str) -> Ranges {
    let name = format!("spoor_store_search_blocks_{what}_total");
    let rise: f64 = truth.increase(PORT, &name, "").into_values().sum();
    one(what, Range(0.0, around(rise).1).per(MINUTE))
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
