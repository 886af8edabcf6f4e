//! Jaeger's Monitor tab: how soon it has a graph, and whether its numbers are those of Prometheus
//! and true.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::ask::{SpmMetric, now};
use e2e::{Client, NativeLab, SERVICES, eventually, spm};
use tokio::time::sleep;

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
    let (jaeger, service) = (lab.jaeger(), SERVICES[STEADY].0);
    for by_operation in [false, true] {
        spm::equals_prometheus(&jaeger, &lab.prometheus(), service, by_operation, times).await?;
    }
    let failed = 1.0 / PATHS.len() as f64;
    for (name, expected) in [("calls", REQUESTS_A_SECOND), ("errors", failed)] {
        let metric = SpmMetric { name, service, by_operation: false, quantile: "" };
        let graphs = jaeger.spm(metric, times).await?;
        let points = graphs.values().next().context("finding a graph")?;
        let mean = points.iter().map(|(_, value)| value).sum::<f64>() / points.len() as f64;
        println!("{name} of {service}: {mean:.4}, and truly {expected}");
        let close = (mean - expected).abs() <= TOLERANCE * expected;
        ensure!(close, "{name}: {mean}, and truly {expected}: {points:?}");
    }
    Ok(())
}
