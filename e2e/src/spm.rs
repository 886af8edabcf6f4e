//! Jaeger's API of the Monitor tab, and the same asked of Prometheus.

use anyhow::{Context, ensure};

use crate::ask::{JaegerQuery, Prometheus, Series, SpmMetric};

const CALLS: &str = "traces_span_metrics_calls_total";
const BUCKETS: &str = "traces_span_metrics_duration_milliseconds_bucket";

/// Compares each point of the graphs that Jaeger has of a service's calls, errors and latencies
/// from start to end, and the step between, with that of the same PromQL. The end must be so long
/// over that no sample comes between two questions.
///
/// # Errors
/// When a point differs, or Prometheus has none.
pub async fn equals_prometheus(
    jaeger: &JaegerQuery,
    prometheus: &Prometheus,
    service: &str,
    by_operation: bool,
    times: [f64; 3],
) -> anyhow::Result<()> {
    let spans = format!(r#"service_name="{service}", span_kind="SPAN_KIND_SERVER""#);
    let by = if by_operation { "service_name, span_name" } else { "service_name" };
    let calls = format!("sum by ({by}) (rate({CALLS}{{{spans}}}[1m]))");
    let failed =
        format!(r#"sum by ({by}) (rate({CALLS}{{{spans}, status_code="STATUS_CODE_ERROR"}}[1m]))"#);
    let buckets = format!("sum by ({by}, le) (rate({BUCKETS}{{{spans}}}[1m]))");
    for (name, promql) in [
        ("calls", calls.clone()),
        ("errors", format!("{failed} / {calls}")),
        ("latencies", format!("histogram_quantile(0.95, {buckets})")),
    ] {
        let metric = SpmMetric { name, service, by_operation, quantile: "0.95" };
        is_shown(jaeger, metric, times, prometheus.range(&promql, times).await?)
            .await
            .with_context(|| format!("comparing {metric:?} with {promql}"))?;
    }
    Ok(())
}

async fn is_shown(
    jaeger: &JaegerQuery,
    metric: SpmMetric<'_>,
    times: [f64; 3],
    expected: Vec<Series>,
) -> anyhow::Result<()> {
    ensure!(!expected.is_empty(), "Prometheus has none");
    let shown = jaeger.spm(metric, times).await?;
    ensure!(shown.len() == expected.len(), "{shown:?} are not the series of {expected:?}");
    for Series { labels, points } in expected {
        let operation = labels.get("span_name").map_or("", String::as_str);
        let shown = shown.get(operation).with_context(|| format!("finding {operation}"))?;
        let alike = |((at, shown), (time, value)): (&(f64, f64), &(f64, f64))| {
            // Sums of floating point numbers depend on their order.
            let equal = (shown - value).abs() <= 1e-9 * value.abs();
            (at - time).abs() < 1e-3 && (equal || shown.is_nan() && value.is_nan())
        };
        let equal = shown.len() == points.len() && shown.iter().zip(&points).all(alike);
        ensure!(equal, "{operation}: {shown:?}, and at Prometheus {points:?}");
    }
    Ok(())
}
