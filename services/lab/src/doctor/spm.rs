//! Whether Jaeger's Monitor tab has numbers, and those of Prometheus.

mod names;

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::api::jaeger::{self, QUANTILE, Range};
use super::api::{Failure, Reason, prometheus};
use super::finding::{Finding, Verdict};
use super::lab::{Lab, seconds};
use super::span_metrics::{BUCKETS, CALLS};
use crate::ports::known::ENTRY;

/// How much of the whole time the numbers may take, once prometheus has them.
const SHARE: f64 = 0.2;
/// Relative: both come from the same samples.
const TOLERANCE: f64 = 0.01;
const METRICS: [&str; 3] = ["calls", "errors", "latencies"];
/// In milliseconds: what is asked for is over, so that no sample comes later.
const DELAY: i64 = 1_000;

type Points = BTreeMap<i64, f64>;

/// Compares each of Jaeger's numbers with what its PromQL gives at Prometheus.
pub async fn examine(lab: &Lab<'_>) -> Verdict {
    let equal = async || {
        let end = (seconds(SystemTime::now()) * 1e3) as i64 - DELAY;
        let range = Range { end, lookback: 10_000, step: 2_000, rate: 60_000 };
        let mut empty = Vec::new();
        for metric in METRICS {
            let asked = [(end - range.lookback) as f64 / 1e3, end as f64 / 1e3, 2.0];
            let series = prometheus::query_range(lab, &promql(metric, ENTRY.part), asked).await;
            let expected = series.map_err(Lack::Answer)?.first().map(prometheus::Series::points);
            let shown = jaeger::metric(lab, metric, ENTRY.part, range).await;
            match (shown.map_err(Lack::Jaeger)?, expected) {
                (Some(shown), expected) => compare(metric, &shown, &expected.unwrap_or_default())?,
                (None, Some(_)) => empty.push(metric),
                (None, None) if metric == "errors" => {}
                (None, None) => return Err(Lack::Samples),
            }
        }
        if empty.is_empty() { Ok(()) } else { Err(Lack::Series(empty)) }
    };
    match lab.poll("Jaeger's Monitor tab", lab.within(SHARE), equal).await {
        Ok(()) => Ok("calls, errors and latencies equal those of prometheus".to_owned()),
        Err(Lack::Answer(failure)) => Err(failure.into()),
        Err(Lack::Jaeger(failure)) => Err(unanswered(&failure)),
        Err(Lack::Series(empty)) => Err(names::explain(&empty, &names::lengths(lab).await)),
        Err(Lack::Samples) => Err(too_early()),
        Err(Lack::Equality(seen)) => Err(unequal(seen)),
    }
}

enum Lack {
    Answer(Failure),
    Jaeger(Failure),
    /// Jaeger has no series of these, though Prometheus has.
    Series(Vec<&'static str>),
    Samples,
    Equality(String),
}

/// What Jaeger asks for, for a service's server spans.
fn promql(metric: &str, service: &str) -> String {
    let selector = format!(r#"service_name =~ "{service}""#);
    let kind = r#"span_kind =~ "SPAN_KIND_SERVER""#;
    let errors = r#"status_code = "STATUS_CODE_ERROR""#;
    match metric {
        "calls" => format!("sum(rate({CALLS}{{{selector}, {kind}}}[1m])) by (service_name)"),
        "errors" => format!(
            "sum(rate({CALLS}{{{selector}, {errors}, {kind}}}[1m])) by (service_name) / \
             sum(rate({CALLS}{{{selector}, {kind}}}[1m])) by (service_name)"
        ),
        _ => format!(
            "histogram_quantile({QUANTILE}, \
             sum(rate({BUCKETS}{{{selector}, {kind}}}[1m])) by (service_name,le))"
        ),
    }
}

/// No errors at all are no series at Prometheus, and zeros at Jaeger.
fn compare(metric: &str, shown: &Points, expected: &Points) -> Result<(), Lack> {
    for (at, shown) in shown {
        let expected = match expected.get(at) {
            Some(expected) => *expected,
            None if metric == "errors" => 0.0,
            None => return Err(different(metric, *shown, "none")),
        };
        let close = (shown - expected).abs() <= TOLERANCE * expected.abs();
        let alike = close || shown.is_nan() && expected.is_nan();
        if !alike {
            return Err(different(metric, *shown, &expected.to_string()));
        }
    }
    Ok(())
}

fn different(metric: &str, shown: f64, expected: &str) -> Lack {
    let service = ENTRY.part;
    Lack::Equality(format!("{metric} of {service}: jaeger {shown}, prometheus {expected}"))
}

fn too_early() -> Finding {
    Finding::new(
        format!("prometheus has no rate of {} yet", ENTRY.part),
        "there are fewer than two samples of a minute",
        "look at the scrape interval of otel-collector's span metrics, and ask again",
    )
}

fn unequal(seen: String) -> Finding {
    Finding::new(
        seen,
        "jaeger asks another prometheus than the lab's",
        "PROMETHEUS_ENDPOINT of jaeger must be prometheus' URL",
    )
}

fn unanswered(failure: &Failure) -> Finding {
    match &failure.reason {
        Reason::Refusal(status, _) if status.as_u16() == 501 => Finding::new(
            failure.to_string(),
            "jaeger has no metric backend",
            "run jaeger with its spm.yaml too",
        ),
        Reason::Refusal(..) => Finding::new(
            failure.to_string(),
            "jaeger does not reach prometheus: jaeger -> prometheus is broken",
            "PROMETHEUS_ENDPOINT of jaeger must be prometheus' URL",
        ),
        _ => failure.clone().into(),
    }
}

#[cfg(test)]
pub mod tests {
    use reqwest::StatusCode;

    use super::*;

    pub fn findings() -> Vec<Finding> {
        let refused = |status| Reason::Refusal(status, String::new());
        let refused = |status| Failure { question: String::new(), reason: refused(status) };
        let unanswered = |status| unanswered(&refused(status));
        let [none, unreached] = [StatusCode::NOT_IMPLEMENTED, StatusCode::BAD_GATEWAY];
        let mut findings = vec![too_early(), unequal(String::new())];
        findings.extend([unanswered(none), unanswered(unreached)]);
        findings.extend(names::tests::findings());
        findings
    }

    fn points(values: &[f64]) -> Points {
        (0..).zip(values.iter().copied()).collect()
    }

    #[test]
    fn equal_numbers_may_lack_a_value_on_both_sides() {
        let values = points(&[f64::NAN, 0.5, 0.0]);
        assert!(compare("latencies", &values, &values).is_ok());
        assert!(compare("calls", &points(&[1.0]), &points(&[1.1])).is_err());
        assert!(compare("calls", &points(&[f64::NAN]), &points(&[1.0])).is_err());
    }

    #[test]
    fn no_errors_are_no_series_at_prometheus_and_zeros_at_jaeger() {
        assert!(compare("errors", &points(&[0.0, 0.0]), &Points::new()).is_ok());
        assert!(compare("errors", &points(&[0.5]), &Points::new()).is_err());
        assert!(compare("calls", &points(&[0.5]), &Points::new()).is_err());
    }
}
