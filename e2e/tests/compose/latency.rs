//! Delays that the services tell, and the buckets that they must be in.

use std::time::{Duration, Instant};

use anyhow::Context;
use e2e::{SERVICES, http};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::lab::Lab;
use crate::prometheus::{more, settled, values};

const BUCKETS: &str = r#"sum by (service_name, le) (
    traces_span_metrics_duration_milliseconds_bucket{span_name="GET /random_sleep"})"#;
const REQUESTS: usize = 10;

/// How long a request took: at least as long as it slept, at most until its answer was here.
struct Delay {
    service: &'static str,
    slept: Duration,
    answered: Duration,
}

/// Has each service sleep some times: each bucket counts no request that slept for longer than its
/// bound, and every one that was answered within. Nothing else may send requests, nor have sent any
/// that is not counted yet.
pub async fn is_bracketed(lab: &Lab) -> anyhow::Result<()> {
    let before = values(lab, BUCKETS, &["service_name", "le"]).await?;
    let delays = send(lab).await?;
    let counted = more(&before, settled(lab, BUCKETS, &["service_name", "le"]).await?);
    for (service, _) in SERVICES {
        assert_eq!(counted.get(&format!("{service}|+Inf")), Some(&(REQUESTS as f64)), "{service}");
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
        assert!((least..=most).contains(&counted), "{labels}: {least} <= {counted} <= {most}");
    }
    Ok(())
}

async fn send(lab: &Lab) -> anyhow::Result<Vec<Delay>> {
    let mut requests = JoinSet::new();
    for (service, port) in SERVICES.into_iter().cycle().take(REQUESTS * SERVICES.len()) {
        let request = http().get(lab.url(port) + "/random_sleep");
        requests.spawn(async move {
            let start = Instant::now();
            let answer = request.send().await?.error_for_status()?.json::<Value>().await?;
            let slept = answer["milliseconds"].as_u64().context("finding how long it slept")?;
            let slept = Duration::from_millis(slept);
            anyhow::Ok(Delay { service, slept, answered: start.elapsed() })
        });
    }
    requests.join_all().await.into_iter().collect()
}
