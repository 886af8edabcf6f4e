//! Counters, as Prometheus has them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use e2e::ask::now;
use tokio::time::sleep;

use crate::lab::Lab;

/// Longer than any span takes to Prometheus: a second in its service, the Collector's flush of 3 s
/// and a scrape every 2 s.
const QUIET: Duration = Duration::from_secs(8);
const ROUNDS: usize = 10;

/// Value by the labels' values, which are joined by `|`.
pub type Values = BTreeMap<String, f64>;

/// The present values of `promql`, which has each combination of the labels once.
pub async fn values(lab: &Lab, promql: &str, labels: &[&str]) -> anyhow::Result<Values> {
    let series = lab.prometheus().query(promql, now()).await?.into_iter();
    let values = series.map(|series| {
        let labels = labels.iter().map(|label| series.labels.get(*label).map_or("", |text| text));
        (labels.collect::<Vec<_>>().join("|"), series.points[0].1)
    });
    Ok(values.collect())
}

/// What counters come to, once no span is under way to them. Nothing may send meanwhile.
pub async fn settled(lab: &Lab, promql: &str, labels: &[&str]) -> anyhow::Result<Values> {
    let mut before = values(lab, promql, labels).await?;
    for _ in 0..ROUNDS {
        // Nothing tells that nothing more comes.
        sleep(QUIET).await;
        let now = values(lab, promql, labels).await?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
    bail!("it does not settle: {promql}")
}

/// By how much each is more; what is as before is left out.
pub fn more(before: &Values, after: Values) -> Values {
    let increase = |(labels, value)| {
        let more = value - before.get(&labels).unwrap_or(&0.0);
        (more != 0.0).then_some((labels, more))
    };
    after.into_iter().filter_map(increase).collect()
}

/// By how much counters increased from `start` to `end` in all, as PromQL reckons it. Times are in
/// seconds since the epoch.
pub async fn increase(lab: &Lab, counters: &str, [start, end]: [f64; 2]) -> anyhow::Result<f64> {
    let window = (end - start) * 1e3;
    let promql = format!("sum(increase({counters}[{window:.0}ms]))");
    Ok(lab.prometheus().value(&promql, end).await?.unwrap_or_default())
}
