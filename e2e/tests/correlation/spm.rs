//! Jaeger's Monitor tab: how soon it has a graph, and whether its numbers are those of Prometheus
//! and true.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use e2e::ask::{SpmMetric, now};
use e2e::{NativeLab, SERVICES, eventually};
use tokio::time::sleep;

use crate::client::Client;

/// How long after the first request there is a graph, at most.
const AT_ONCE: Duration = Duration::from_secs(15);
/// app-b, which nobody else asks meanwhile.
const STEADY: usize = 1;
const REQUESTS_A_SECOND: f64 = 10.0;
/// One request in so many fails.
const PATHS: [&str; 5] = ["/", "/", "/error_test", "/", "/"];
/// Seconds of the graph, over which a rate is averaged. A number of flushes and of scrapes, since
/// either makes a rate swing.
const GRAPH: f64 = 12.0;
/// Seconds: the graph, the minute before it, what has not reached it yet, and something over.
const LOAD: f64 = GRAPH + 60.0 + 6.0 + 4.0;
/// Relative.
const TOLERANCE: f64 = 0.05;

/// Sends the default load's 2 requests a second to a lab that had none before.
pub async fn is_graphed_at_once(lab: &NativeLab, client: &Client) -> anyhow::Result<()> {
    let began = Instant::now();
    let graph = eventually("the Monitor tab has a graph", async || {
        let calls = SpmMetric { name: "calls", service: "app-a", by_operation: true, quantile: "" };
        let graphs = lab.jaeger().spm(calls, [now() - 60.0, now(), 5.0]).await?;
        let mut points = graphs.values().flatten();
        Ok(points.any(|(_, value)| *value > 0.0).then_some(()))
    });
    client.repeat_until(graph, 2.0, 0, &["/"]).await?;
    let took = began.elapsed();
    println!("first graph {:.1} s after the first request", took.as_secs_f64());
    ensure!(took <= AT_ONCE, "the first graph came after {took:?}, later than {AT_ONCE:?}");
    Ok(())
}

/// Sends requests at a known rate for long enough, and compares.
pub async fn tells_the_true_rate(lab: &NativeLab, client: &Client) -> anyhow::Result<()> {
    // A rate is of a time that must pass.
    let over = async {
        sleep(Duration::from_secs_f64(LOAD)).await;
        anyhow::Ok(())
    };
    client.repeat_until(over, REQUESTS_A_SECOND, STEADY, &PATHS).await?;
    // It is over, so that no sample comes between two questions.
    let end = (now() - 2.0).floor();
    let times = [end - GRAPH, end, 1.0];
    for by_operation in [false, true] {
        for metric in ["calls", "errors", "latencies"] {
            equals_prometheus(lab, metric, by_operation, times)
                .await
                .with_context(|| format!("{metric}, by operation: {by_operation}"))?;
        }
    }
    let failed = 1.0 / PATHS.len() as f64;
    for (metric, expected) in [("calls", REQUESTS_A_SECOND), ("errors", failed)] {
        let metric = spm(metric, false);
        let graphs = lab.jaeger().spm(metric, times).await?;
        let points = graphs.values().next().context("finding a graph")?;
        let mean = points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64;
        println!("{} of {}: {mean:.4}, and truly {expected}", metric.name, metric.service);
        let close = (mean - expected).abs() <= TOLERANCE * expected;
        ensure!(close, "{}: {mean}, and truly {expected}: {points:?}", metric.name);
    }
    Ok(())
}

fn spm(name: &str, by_operation: bool) -> SpmMetric<'_> {
    SpmMetric { name, service: SERVICES[STEADY].0, by_operation, quantile: "0.95" }
}

/// Each point of Jaeger's is the one of the same PromQL.
async fn equals_prometheus(
    lab: &NativeLab,
    metric: &str,
    by_operation: bool,
    times: [f64; 3],
) -> anyhow::Result<()> {
    let spans = format!(r#"service_name="{}", span_kind="SPAN_KIND_SERVER""#, SERVICES[STEADY].0);
    let by = if by_operation { "service_name, span_name" } else { "service_name" };
    let calls = format!("sum by ({by}) (rate(traces_span_metrics_calls_total{{{spans}}}[1m]))");
    let promql = match metric {
        "calls" => calls,
        "errors" => {
            let failed = format!(r#"{spans}, status_code="STATUS_CODE_ERROR""#);
            format!(
                "sum by ({by}) (rate(traces_span_metrics_calls_total{{{failed}}}[1m])) / {calls}"
            )
        }
        "latencies" => format!(
            "histogram_quantile(0.95, sum by ({by}, le) \
             (rate(traces_span_metrics_duration_milliseconds_bucket{{{spans}}}[1m])))"
        ),
        other => bail!("there is no metric {other}"),
    };
    let expected = lab.prometheus().range(&promql, times).await?;
    ensure!(!expected.is_empty(), "Prometheus has no {promql}");
    let shown = lab.jaeger().spm(spm(metric, by_operation), times).await?;
    ensure!(shown.len() == expected.len(), "{shown:?} are not the series of {expected:?}");
    for series in expected {
        let operation = series.labels.get("span_name").map_or("", String::as_str);
        let shown = shown.get(operation).with_context(|| format!("finding {operation}"))?;
        let pairs = shown.iter().zip(&series.points);
        let alike = |((at, shown), (time, value)): (&(f64, f64), &(f64, f64))| {
            // Sums of floating point numbers depend on their order.
            let equal = (shown - value).abs() <= 1e-9 * value.abs();
            (at - time).abs() < 1e-3 && (equal || shown.is_nan() && value.is_nan())
        };
        let equal = shown.len() == series.points.len() && pairs.clone().all(alike);
        ensure!(equal, "{operation}: {shown:?}, and at Prometheus {:?}", series.points);
    }
    Ok(())
}
