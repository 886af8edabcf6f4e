//! Jaeger's API of the Monitor tab.

use anyhow::Context;
use e2e::ask::{SpmMetric, now};
use e2e::{SERVICES, spm};

use crate::lab::Lab;

/// Seconds: of the graph, and of its step.
const LENGTH: f64 = 60.0;
const STEP: f64 = 5.0;
/// For how long the graph is over, so that no sample comes between the two questions.
const DELAY: f64 = 5.0;

/// Asks Prometheus too for calls, errors and latencies of each service by operation. There must
/// have been traffic in the last minute, with errors.
pub async fn equals_prometheus(lab: &Lab) -> anyhow::Result<()> {
    let times = times();
    for (service, _) in SERVICES {
        spm::equals_prometheus(&lab.jaeger(), &lab.prometheus(), service, true, times).await?;
    }
    Ok(())
}

/// The latest rate of calls that it shows of an operation, in calls a second.
pub async fn call_rate(lab: &Lab, service: &str, operation: &str) -> anyhow::Result<f64> {
    let calls = SpmMetric { name: "calls", service, by_operation: true, quantile: "" };
    let graphs = lab.jaeger().spm(calls, times()).await?;
    let graph = graphs.get(operation).with_context(|| format!("finding {operation} in SPM"))?;
    Ok(graph.last().context("finding a point")?.1)
}

/// Start, end and step of the graph.
fn times() -> [f64; 3] {
    let end = (now() - DELAY).floor();
    [end - LENGTH, end, STEP]
}
