use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::try_join_all;

use crate::ask::{Prometheus, Values};
use crate::{Client, SERVICES};

const BUCKETS: &str = r#"sum by (service_name, le) (
    traces_span_metrics_duration_milliseconds_bucket{span_name="GET /random_sleep"})"#;
/// How often each service sleeps.
const SLEEPS: usize = 10;

/// Delays that the services tell, and the buckets that they must be in.
#[derive(Debug)]
pub struct Delays(Vec<Delay>);

/// How long a request took: at least as long as it slept, at most until its answer was here.
#[derive(Debug)]
struct Delay {
    service: &'static str,
    slept: Duration,
    answered: Duration,
}

impl Delays {
    /// Has each service sleep some times.
    ///
    /// # Errors
    /// See [`Client::get`].
    pub async fn make(client: &Client) -> anyhow::Result<Self> {
        let sleeps = (0..SERVICES.len()).flat_map(|service| [service; SLEEPS]);
        Ok(Self(try_join_all(sleeps.map(|service| Delay::make(client, service))).await?))
    }

    /// How many sleeps Prometheus has now in each bucket of each service.
    ///
    /// # Errors
    /// See [`Prometheus::query`].
    pub async fn buckets(prometheus: &Prometheus) -> anyhow::Result<Values> {
        prometheus.values(BUCKETS, &["service_name", "le"]).await
    }

    /// Checks [`Delays::buckets`] of these delays alone: each counts none that slept for longer
    /// than its bound, and every one that was answered within.
    ///
    /// # Errors
    /// When a bucket counts too few or too many.
    pub fn are_in(&self, buckets: Values) -> anyhow::Result<()> {
        for (service, _) in SERVICES {
            let all = buckets.get(&format!("{service}|+Inf"));
            ensure!(
                all == Some(&(SLEEPS as f64)),
                "{service}: {all:?} of {SLEEPS} are in a bucket"
            );
        }
        for (labels, counted) in buckets {
            let (service, bound) = labels.split_once('|').context("finding two labels")?;
            // In milliseconds, or +Inf.
            let bound = bound.parse::<f64>()? / 1e3;
            let count = |took: fn(&Delay) -> Duration| {
                let within = |delay: &&Delay| took(delay).as_secs_f64() <= bound;
                self.0.iter().filter(|delay| delay.service == service).filter(within).count() as f64
            };
            let (least, most) = (count(|delay| delay.answered), count(|delay| delay.slept));
            ensure!(
                (least..=most).contains(&counted),
                "{labels}: {counted}, not {least} to {most}"
            );
        }
        Ok(())
    }
}

impl Delay {
    async fn make(client: &Client, service: usize) -> anyhow::Result<Self> {
        let answer = client.get(service, "/random_sleep").await?;
        let slept = answer.body["milliseconds"].as_u64().context("finding how long it slept")?;
        let slept = Duration::from_millis(slept);
        Ok(Self { service: SERVICES[service].0, slept, answered: answer.took })
    }
}
