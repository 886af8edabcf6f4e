//! Jaeger's API of the Monitor tab, and the same asked of Prometheus.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use e2e::SERVICES;
use e2e::ask::{SpmMetric, now};

use crate::lab::Lab;

const CALLS: &str = "traces_span_metrics_calls_total";
const BUCKETS: &str = "traces_span_metrics_duration_milliseconds_bucket";
/// Seconds: of the graph, and of its step.
const LENGTH: f64 = 60.0;
const STEP: f64 = 5.0;
/// For how long the graph is over, so that no sample comes between the two questions.
const DELAY: f64 = 5.0;

/// Value by operation, each at the same times.
type Graphs = BTreeMap<String, Vec<f64>>;

/// Asks both for calls, errors and latencies of each service by operation. There must have been
/// traffic in the last minute, with errors.
pub async fn equals_prometheus(lab: &Lab) -> anyhow::Result<()> {
    let times = times();
    for (service, _) in SERVICES {
        let spans = format!(r#"service_name="{service}", span_kind="SPAN_KIND_SERVER""#);
        let calls = format!("sum by (span_name) (rate({CALLS}{{{spans}}}[1m]))");
        let errors = format!(
            r#"sum by (span_name) (rate({CALLS}{{{spans}, status_code="STATUS_CODE_ERROR"}}[1m]))"#
        );
        let buckets = format!("sum by (span_name, le) (rate({BUCKETS}{{{spans}}}[1m]))");
        for (metric, promql) in [
            ("calls", calls.clone()),
            ("errors", format!("{errors} / {calls}")),
            ("latencies", format!("histogram_quantile(0.95, {buckets})")),
        ] {
            let series = lab.prometheus().range(&promql, times).await?.into_iter();
            let expected = series.map(|mut series| {
                (series.labels.remove("span_name").unwrap_or_default(), only_values(series.points))
            });
            let expected: Graphs = expected.collect();
            ensure!(!expected.is_empty(), "Prometheus has no {metric} of {service}");
            let shown = shown(lab, metric, service, times).await?;
            let operations = |graphs: &Graphs| graphs.keys().cloned().collect::<Vec<_>>();
            assert_eq!(operations(&shown), operations(&expected), "{metric} of {service}");
            for (operation, expected) in expected {
                same(&shown[&operation], &expected)
                    .with_context(|| format!("{metric} of {service}, {operation}"))?;
            }
        }
    }
    Ok(())
}

/// The latest rate of calls that it shows of an operation, in calls a second.
pub async fn call_rate(lab: &Lab, service: &str, operation: &str) -> anyhow::Result<f64> {
    let shown = shown(lab, "calls", service, times()).await?;
    let values = shown.get(operation).with_context(|| format!("finding {operation} in SPM"))?;
    values.last().copied().context("finding a point")
}

/// Start, end and step of the graph.
fn times() -> [f64; 3] {
    let end = (now() - DELAY).floor();
    [end - LENGTH, end, STEP]
}

async fn shown(lab: &Lab, name: &str, service: &str, times: [f64; 3]) -> anyhow::Result<Graphs> {
    let metric = SpmMetric { name, service, by_operation: true, quantile: "0.95" };
    let graphs = lab.jaeger().spm(metric, times).await?.into_iter();
    Ok(graphs.map(|(operation, points)| (operation, only_values(points))).collect())
}

fn only_values(points: Vec<(f64, f64)>) -> Vec<f64> {
    points.into_iter().map(|(_, value)| value).collect()
}

/// Whether they are the same numbers, some of which may be none.
fn same(shown: &[f64], expected: &[f64]) -> anyhow::Result<()> {
    ensure!(shown.len() == expected.len(), "{} points, not {}", shown.len(), expected.len());
    for (shown, expected) in shown.iter().zip(expected) {
        // Sums of floating point numbers depend on their order.
        let alike = (shown - expected).abs() <= 1e-9 * expected.abs();
        ensure!(alike || shown.is_nan() && expected.is_nan(), "{shown}, not {expected}");
    }
    Ok(())
}
