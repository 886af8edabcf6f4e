//! Which metrics Jaeger asks for, when it finds none.
//!
//! Jaeger does not tell their names. But a service's name that is no regular expression makes the
//! same PromQL fail, and the position in Prometheus' message tells how long the metric's name
//! before it is.

use super::promql;
use crate::doctor::api::jaeger::{self, Range};
use crate::doctor::api::{Failure, Reason, prometheus};
use crate::doctor::finding::Finding;
use crate::doctor::lab::Lab;

const NO_EXPRESSION: &str = "(";

/// By how many characters the names that Jaeger asks for are shorter than those that exist; none
/// when its message has no position.
#[derive(Debug, Default)]
pub struct Lengths {
    calls: Option<i64>,
    latencies: Option<i64>,
}

/// Asks both for what cannot be answered.
pub async fn lengths(lab: &Lab<'_>) -> Lengths {
    Lengths { calls: length(lab, "calls").await, latencies: length(lab, "latencies").await }
}

async fn length(lab: &Lab<'_>, metric: &str) -> Option<i64> {
    let range = Range { end: 10_000, lookback: 10_000, step: 2_000, rate: 60_000 };
    let by_jaeger = jaeger::metric(lab, metric, NO_EXPRESSION, range).await.err()?;
    let by_prometheus = prometheus::query(lab, &promql(metric, NO_EXPRESSION)).await.err()?;
    Some(position(&by_prometheus)? - position(&by_jaeger)?)
}

/// The column of `1:42: parse error`.
fn position(failure: &Failure) -> Option<i64> {
    let Reason::Refusal(_, message) = &failure.reason else { return None };
    let (before, _) = message.split_once(": parse error")?;
    before.rsplit_once(':')?.1.parse().ok()
}

/// Which setting of Jaeger leads to other names. `empty` are the metrics without a series.
pub fn explain(empty: &[&str], lengths: &Lengths) -> Finding {
    let shorter = |of: &str, characters: Option<i64>| match characters {
        Some(0) => format!("; the name that it asks for {of} is as long as the right one"),
        Some(n) => {
            format!("; the name that it asks for {of} is {n} characters shorter than the right one")
        }
        None => String::new(),
    };
    let [calls_empty, latencies_empty] = ["calls", "latencies"].map(|name| empty.contains(&name));
    let mut seen = format!("jaeger has no {} of app-a, prometheus has", empty.join(", "));
    if calls_empty {
        seen += &shorter("calls by", lengths.calls);
    }
    if latencies_empty {
        seen += &shorter("latencies by", lengths.latencies);
    }
    let unnormalized = |name: &str| format!("{name} of jaeger's metric backend is off");
    let (cause, fix) = match (lengths.calls, lengths.latencies) {
        (Some(0), Some(0)) => (
            "jaeger asks another prometheus than the lab's, which is empty".to_owned(),
            "PROMETHEUS_ENDPOINT of jaeger must be prometheus' URL",
        ),
        (Some(NO_TOTAL), Some(NO_UNIT)) => {
            (unnormalized("each of normalize_calls and normalize_duration"), "set both to true")
        }
        (Some(one), Some(other)) if one == other => (
            "metric_namespace of jaeger's metric backend is another than spanmetrics'".to_owned(),
            "set metric_namespace: traces_span_metrics",
        ),
        (Some(NO_TOTAL), Some(0)) => (unnormalized("normalize_calls"), "set normalize_calls: true"),
        (Some(0), Some(NO_UNIT)) => {
            (unnormalized("normalize_duration"), "set normalize_duration: true")
        }
        (Some(0), Some(SECONDS)) => (
            "latency_unit of jaeger's metric backend is s, spanmetrics' unit is ms".to_owned(),
            "set latency_unit: ms",
        ),
        _ => (
            "jaeger's metric backend asks for other names than spanmetrics makes".to_owned(),
            "compare metric_namespace, normalize_calls, normalize_duration and latency_unit with \
             the names in prometheus",
        ),
    };
    Finding::new(seen, cause, fix)
}

const NO_TOTAL: i64 = "_total".len() as i64;
const NO_UNIT: i64 = "_milliseconds".len() as i64;
const SECONDS: i64 = "milliseconds".len() as i64 - "seconds".len() as i64;

#[cfg(test)]
pub mod tests {
    use reqwest::StatusCode;

    use super::*;

    /// By how much the names of calls and of latencies are shorter, what is empty, and the cause.
    type Case = (Option<i64>, Option<i64>, &'static [&'static str], &'static str);

    #[rustfmt::skip]
    const CASES: [Case; 7] = [
        (Some(6), Some(0), &["calls", "errors"], "normalize_calls of"),
        (Some(0), Some(13), &["latencies"], "normalize_duration of"),
        (Some(6), Some(13), &["calls", "errors", "latencies"], "each of normalize_calls and"),
        (Some(0), Some(5), &["latencies"], "latency_unit"),
        (Some(-3), Some(-3), &["calls", "errors", "latencies"], "metric_namespace"),
        (Some(0), Some(0), &["calls", "errors", "latencies"], "another prometheus"),
        (None, None, &["calls"], "other names"),
    ];

    pub fn findings() -> Vec<Finding> {
        let finding = |(calls, latencies, empty, _)| explain(empty, &Lengths { calls, latencies });
        CASES.map(finding).into()
    }

    #[test]
    fn the_position_is_read_from_both_programs_messages() {
        for message in [
            r#"invalid parameter "query": 1:42: parse error: error parsing regexp: missing closing ): `(`"#,
            r#"failed executing metrics query: bad_data: invalid parameter "query": 1:42: parse error: x"#,
        ] {
            let reason = Reason::Refusal(StatusCode::BAD_REQUEST, message.to_owned());
            assert_eq!(position(&Failure { question: String::new(), reason }), Some(42));
        }
    }

    #[test]
    fn each_setting_is_told_by_the_names_lengths() {
        for (calls, latencies, empty, expected) in CASES {
            let finding = explain(empty, &Lengths { calls, latencies });
            assert!(finding.cause.contains(expected), "{calls:?} {latencies:?}: {finding:?}");
        }
    }
}
