//! Counters, as Prometheus has them.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::bail;
use tokio::time::sleep;

use crate::lab::Lab;

/// Longer than any span takes to Prometheus: a second in its service, the Collector's flush of 3 s
/// and a scrape every 2 s.
const QUIET: Duration = Duration::from_secs(8);
const ROUNDS: usize = 10;

/// What counters come to, as `read` has them, once no span is under way to them. Nothing may send
/// meanwhile.
pub async fn settled<T: Debug + PartialEq>(
    read: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut before = read().await?;
    for _ in 0..ROUNDS {
        // Nothing tells that nothing more comes.
        sleep(QUIET).await;
        let now = read().await?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
    bail!("it does not settle: {before:?}")
}

/// By how much counters increased from `start` to `end` in all, as PromQL reckons it. Times are in
/// seconds since the epoch.
pub async fn increase(lab: &Lab, counters: &str, [start, end]: [f64; 2]) -> anyhow::Result<f64> {
    let window = (end - start) * 1e3;
    let promql = format!("sum(increase({counters}[{window:.0}ms]))");
    Ok(lab.prometheus().value(&promql, end).await?.unwrap_or_default())
}
