//! A known number of requests, and what Prometheus must count of them, however their service
//! exports its spans.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::ask::now;
use e2e::{NativeLab, SERVICES, eventually};
use futures::future::try_join_all;

use crate::client::{Client, Counts};

const CALLS: &str = r#"sum by (service_name, span_name, status_code) (
    traces_span_metrics_calls_total{span_kind="SPAN_KIND_SERVER"})"#;
const EDGES: &str = r#"sum by (client, server) (
    traces_service_graph_request_total{client=~"app-.+", server=~"app-.+"})"#;
const BUCKETS: &str = r#"sum by (service_name, le) (
    traces_span_metrics_duration_milliseconds_bucket{span_name="GET /random_sleep"})"#;
/// How often each service sleeps.
const SLEEPS: usize = 10;

/// Sends requests of which each service gets another number, and compares every counter.
pub async fn is_exact(lab: &NativeLab, client: &Client) -> anyhow::Result<()> {
    for service in 0..SERVICES.len() {
        for (path, times) in
            [("/items/7", 10 + service), ("/items/0", 3 + service), ("/error_test", 5 + service)]
        {
            for _ in 0..times {
                client.get(service, path).await?;
            }
        }
    }
    // The chains of the others pass app-d, which fails.
    for service in [0, 2] {
        for _ in 0..3 + service {
            client.get(service, "/chain").await?;
        }
    }
    let sleeps = (0..SERVICES.len()).flat_map(|service| vec![service; SLEEPS]);
    let delays = try_join_all(sleeps.map(|service| delay(client, service))).await?;
    equals_what_was_sent(lab, client).await?;
    are_in_their_buckets(lab, &delays).await
}

/// All calls and all edges that Prometheus has are those that were sent.
pub async fn equals_what_was_sent(lab: &NativeLab, client: &Client) -> anyhow::Result<()> {
    let sent = client.sent();
    let (mut calls, mut edges) = (Counts::new(), Counts::new());
    let equal = eventually("what is counted is what was sent", async || {
        calls = counts(lab, CALLS, &["service_name", "span_name", "status_code"]).await?;
        edges = counts(lab, EDGES, &["client", "server"]).await?;
        Ok((calls == sent.calls && edges == sent.edges).then_some(()))
    });
    let equal = equal.await;
    equal.with_context(|| format!("{calls:?} and {edges:?} are counted, and sent {sent:?}"))
}

/// How long a request took: at least as long as it slept, at most until its answer was here.
struct Delay {
    service: &'static str,
    slept: Duration,
    answered: Duration,
}

async fn delay(client: &Client, service: usize) -> anyhow::Result<Delay> {
    let answer = client.get(service, "/random_sleep").await?;
    let slept = answer.body["milliseconds"].as_u64().context("finding how long it slept")?;
    let slept = Duration::from_millis(slept);
    Ok(Delay { service: SERVICES[service].0, slept, answered: answer.took })
}

/// Each bucket counts no request that slept for longer than its bound, and every one that was
/// answered within.
async fn are_in_their_buckets(lab: &NativeLab, delays: &[Delay]) -> anyhow::Result<()> {
    let counted = counts(lab, BUCKETS, &["service_name", "le"]).await?;
    for (service, _) in SERVICES {
        let all = counted.get(&format!("{service}|+Inf"));
        ensure!(all == Some(&(SLEEPS as f64)), "{service}: {all:?} of {SLEEPS} are in a bucket");
    }
    for (labels, counted) in counted {
        let (service, bound) = labels.split_once('|').context("finding two labels")?;
        // In milliseconds, or +Inf.
        let bound = bound.parse::<f64>()? / 1e3;
        let count = |took: fn(&Delay) -> Duration| {
            let within = |delay: &&Delay| took(delay).as_secs_f64() <= bound;
            delays.iter().filter(|delay| delay.service == service).filter(within).count() as f64
        };
        let (least, most) = (count(|delay| delay.answered), count(|delay| delay.slept));
        ensure!((least..=most).contains(&counted), "{labels}: {counted}, not {least} to {most}");
    }
    Ok(())
}

/// The present values of counters that have counted something, by labels.
async fn counts(lab: &NativeLab, promql: &str, labels: &[&str]) -> anyhow::Result<Counts> {
    let series = lab.prometheus().query(promql, now()).await?;
    let values = series.into_iter().map(|series| {
        let labels = labels.iter().map(|label| series.labels.get(*label).map_or("", |text| text));
        (labels.collect::<Vec<_>>().join("|"), series.points[0].1)
    });
    Ok(values.filter(|(_, value)| *value > 0.0).collect())
}
