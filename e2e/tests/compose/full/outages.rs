//! Each part of the telemetry down for a minute, under load.

use std::time::Duration;

use anyhow::ensure;
use e2e::ask::now;
use tokio::time::sleep;

use super::measured;
use crate::kept::{self, CHAIN, ITEM};
use crate::lab::Lab;
use crate::prometheus::{increase, settled};
use crate::tier::WHOLE;
use crate::traffic::{Traffic, failed, p99};

const PARTS: [&str; 5] = ["otel-collector", "jaeger", "spoor", "prometheus", "loki"];
/// Requests a second.
const RATE: u32 = 10;
/// Before an outage, and after it; longer than any pause between retries.
const QUIET: Duration = Duration::from_secs(30);
const OUTAGE: Duration = Duration::from_secs(60);

/// Of what is sent, but that no span may be lost with spoor, which keeps them on the disk.
const LOSS: f64 = 0.01;
/// Of what is counted: the Collector's last flush before its end is never scraped.
const UNCOUNTED: f64 = 0.05;

/// The log record that each item makes.
const ITEM_READ: &str = "item read";
const CALLS: &str = "sum(traces_span_metrics_calls_total)";
const ITEM_CALLS: &str = r#"traces_span_metrics_calls_total{span_name="GET /items/{id}"}"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour; run by .ci/full"]
async fn no_request_fails_while_a_part_is_down_for_a_minute() {
    let lab = Lab::new(WHOLE).unwrap().load("0");
    lab.up().unwrap();
    measured("of what was sent before, during and after an outage of a minute, is missing:");
    for part in PARTS {
        outage(&lab, part).await.unwrap();
    }
    for (service, container) in lab.containers().unwrap() {
        assert_eq!(container["RestartCount"], 0, "{service} was started again");
        assert_eq!(container["State"]["Health"]["Status"], "healthy", "{service}");
    }
}

async fn outage(lab: &Lab, part: &str) -> anyhow::Result<()> {
    let traffic = Traffic::start(lab, RATE, &[ITEM, CHAIN]);
    let start = now();
    sleep(QUIET).await;
    let stopped = now();
    lab.compose(&["stop", part])?;
    sleep(OUTAGE).await;
    lab.compose(&["start", part])?;
    let started = now();
    lab.is_healthy(part).await?;
    sleep(QUIET).await;
    let requests = traffic.stop().await;
    let prometheus = lab.prometheus();
    settled(async || prometheus.value(CALLS, now()).await).await?;

    let failed = failed(&requests);
    ensure!(failed.is_empty(), "while {part} was down: {failed:#?}");
    let quiet = p99(requests.iter().filter(|request| request.sent < stopped));
    let down = p99(requests.iter().filter(|r| (stopped..started).contains(&r.sent)));
    measured(&format!("{part}: p99 {quiet:.1?} before, {down:.1?} during"));

    let logged = kept::logged(lab, ITEM_READ, start).await?;
    for (what, from, to) in
        [("before", start, stopped), ("during", stopped, started), ("after", started, now())]
    {
        let sent: Vec<_> = requests.iter().filter(|r| (from..to).contains(&r.sent)).collect();
        let items: Vec<_> = sent.iter().filter(|request| request.path == ITEM).collect();
        let unlogged = items.iter().filter(|request| !logged.contains(&request.trace_id)).count();
        let (missing, spans) = kept::missing_spans(lab, &sent).await?;
        measured(&format!(
            "{part}, {what}: {missing} of {spans} spans, {unlogged} of {} log records",
            items.len(),
        ));
        let loss = if part == "spoor" { 0.0 } else { LOSS };
        ensure!(missing as f64 <= loss * spans as f64, "{missing} spans are lost");
        ensure!(unlogged as f64 <= LOSS * items.len() as f64, "{unlogged} records are lost");
    }
    let counted = increase(lab, ITEM_CALLS, [start, now()]).await?;
    let answered = requests.iter().filter(|request| request.path == ITEM).count();
    measured(&format!("{part}: an increase of {counted:.0} for {answered} calls"));
    ensure!(counted >= (1.0 - UNCOUNTED) * answered as f64, "calls are not counted");
    Ok(())
}
