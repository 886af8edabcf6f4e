//! The lab at a glance.

use super::{Range, Ranges, Row, has_objective, is_slow, one, sleeps};
use crate::truth::Truth;

pub const ROWS: &[Row] = &[
    Row {
        panel: "Requests",
        query: "A",
        known_by: "server spans in Jaeger a second",
        truth: |truth| truth.per_second(|span| span.is_server().then_some("requests")),
    },
    Row {
        panel: "Failed requests",
        query: "A",
        known_by: "the share of server spans in Jaeger with an error",
        truth: |truth| truth.share(|span| span.is_server().then_some(("failed", span.failed))),
    },
    Row {
        panel: "95th percentile",
        query: "A",
        known_by: "the bucket around that of server spans in Jaeger",
        truth: |truth| truth.quantile(0.95, |span| span.is_server().then_some("p95")),
    },
    Row {
        panel: "Parts down",
        query: "A",
        known_by: "each part answered for its own metrics",
        truth: |_| one("down", Range::ZERO),
    },
    Row {
        panel: "Worst budget burn",
        query: "A",
        known_by: "failed spans in Jaeger, of requests with an objective",
        truth: |truth| worst("failures", &failures(truth)),
    },
    Row {
        panel: "Worst budget burn",
        query: "B",
        known_by: "slow spans in Jaeger, of requests with an objective",
        truth: |truth| worst("slowness", &slowness(truth)),
    },
    Row {
        panel: "Active alerts on parts",
        query: "A",
        known_by: "Prometheus's list of alerts",
        truth: |truth| one("active", Range(truth.alerts, truth.alerts)),
    },
    Row {
        panel: "Requests by service",
        query: "A",
        known_by: "server spans in Jaeger a second",
        truth: |truth| truth.per_second(|span| span.is_server().then_some(&*span.service)),
    },
    Row {
        panel: "Failed requests by service",
        query: "A",
        known_by: "the share of server spans in Jaeger with an error",
        truth: |truth| {
            truth.share(|span| span.is_server().then_some((&*span.service, span.failed)))
        },
    },
    Row {
        panel: "95th percentile by service",
        query: "A",
        known_by: "the bucket around that of server spans in Jaeger",
        truth: |truth| truth.quantile(0.95, |span| span.is_server().then_some(&*span.service)),
    },
    Row {
        panel: "Who calls whom",
        query: "A",
        known_by: "server spans in Jaeger by their parents' service",
        truth: |truth| {
            let calls = truth.per_second(|span| {
                let caller = truth.caller(span);
                let counts = span.is_server() && caller != "user" && caller != span.service;
                counts.then(|| format!("{caller}|{}", span.service))
            });
            // Of the whole minute.
            calls.into_iter().map(|(key, range)| (key, range.per(1.0 / 60.0))).collect()
        },
    },
    Row {
        panel: "Calls between services",
        query: "A",
        known_by: "server spans in Jaeger by their parents' service",
        truth: |truth| {
            truth.per_second(|span| {
                let call = || format!("{}|{}", truth.caller(span), span.service);
                span.is_server().then(call)
            })
        },
    },
    Row {
        panel: "Calls between services",
        query: "B",
        known_by: "the bucket around that of server spans in Jaeger, by their parents' service",
        truth: |truth| {
            let quantiles = truth.quantile(0.95, |span| {
                let call = || format!("{}|{}", truth.caller(span), span.service);
                span.is_server().then(call)
            });
            // In seconds.
            quantiles.into_iter().map(|(key, range)| (key, range.per(1e3))).collect()
        },
    },
    Row {
        panel: "Budget burn by service",
        query: "A",
        known_by: "failed spans in Jaeger, of requests with an objective",
        truth: |truth| named("failures", failures(truth)),
    },
    Row {
        panel: "Budget burn by service",
        query: "B",
        known_by: "slow spans in Jaeger, of requests with an objective",
        truth: |truth| named("slowness", slowness(truth)),
    },
    Row {
        panel: "Parts",
        query: "A",
        known_by: "the files of targets, each of which answers",
        truth: |truth| truth.jobs.iter().map(|job| (job.clone(), Range(1.0, 1.0))).collect(),
    },
    Row {
        panel: "Log lines by service",
        query: "A",
        known_by: "lines that the lab printed a second",
        truth: |truth| truth.lines_per_second(|line| Some(&line.part)),
    },
];

fn failures(truth: &Truth) -> Ranges {
    truth.share_of_all(|span| has_objective(span).then_some((&*span.service, span.failed)))
}

fn slowness(truth: &Truth) -> Ranges {
    truth.share_of_all(|span| {
        (has_objective(span) && !sleeps(span)).then_some((&*span.service, is_slow(span)))
    })
}

/// How many times faster than 1 % each burns.
fn named(what: &str, shares: Ranges) -> Ranges {
    shares.into_iter().map(|(key, share)| (format!("{key} {what}"), share.per(0.01))).collect()
}

fn worst(what: &str, shares: &Ranges) -> Ranges {
    let worst = |value: fn(&Range) -> f64| shares.values().map(value).fold(0.0, f64::max);
    one(what, Range(worst(|range| range.0), worst(|range| range.1)).per(0.01))
}
