//! Whether a number leads to a trace that exists.

use std::time::{Duration, SystemTime};

use super::api::{Failure, jaeger, prometheus};
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::probe;
use super::span_metrics::BUCKETS;

/// How much of the whole time the first may take, once metrics are there.
const SHARE: f64 = 0.25;
/// How old an exemplar may be whose trace is looked for.
const AGE: Duration = Duration::from_secs(300);
/// How many of them are tried: where traces are sampled late, most are gone.
const TRIED: usize = 100;
const FAMILY: &str = "traces_span_metrics_calls";

/// Tries exemplars, the newest first, until a trace is there.
pub async fn examine(lab: &Lab<'_>) -> Verdict {
    let since = SystemTime::now() - AGE;
    let leads = async || {
        let exemplars = prometheus::exemplars(lab, BUCKETS, since).await.map_err(Lack::Answer)?;
        let ids = exemplars.iter().filter_map(|exemplar| exemplar.labels.get("trace_id"));
        for (index, id) in ids.take(TRIED).enumerate() {
            let trace = jaeger::trace(lab, id).await.map_err(Lack::Answer)?;
            if !trace.is_empty() {
                return Ok((index + 1, exemplars.len()));
            }
        }
        // An exemplar is exposed until the next flush: in a lab without traffic, that of the probe may
        // have gone before Prometheus' first scrape.
        let _ = probe::chain(lab).await;
        Err(Lack::Trace(exemplars.len()))
    };
    match lab.poll("an exemplar whose trace exists", lab.within(SHARE), leads).await {
        Ok((tried, all)) => Ok(format!("number {tried} of {all} exemplars leads to a trace")),
        Err(Lack::Answer(failure)) => Err(failure.into()),
        Err(Lack::Trace(0)) => Err(narrow(lab).await?),
        Err(Lack::Trace(all)) => Err(untraced(all)),
    }
}

enum Lack {
    Answer(Failure),
    /// A trace, of so many exemplars.
    Trace(usize),
}

fn untraced(all: usize) -> Finding {
    Finding::new(
        format!("jaeger has no trace of {} of the {all} exemplars", all.min(TRIED)),
        "exemplars name traces that were not kept: sampled late, lost, or named by another label \
         than trace_id",
        "keep more traces behind spanmetrics, or look for losses at otel-collector and spoor",
    )
}

async fn narrow(lab: &Lab<'_>) -> Result<Finding, Failure> {
    let storage = prometheus::own_metric(lab, "prometheus_tsdb_exemplar_max_exemplars").await?;
    Ok(explain(storage, &prometheus::described(lab).await?))
}

/// Which of the three switches is off. `storage`: how many exemplars Prometheus can keep;
/// `described`: the names under which it knows metrics.
fn explain(storage: Option<f64>, described: &[String]) -> Finding {
    // OpenMetrics describes a counter without its suffix; the older text format has no exemplars.
    let is_described = |name: &str| described.iter().any(|other| other == name);
    if storage.is_none_or(|exemplars| exemplars == 0.0) {
        Finding::new(
            "prometheus has no exemplar, and room for none (prometheus_tsdb_exemplar_max_exemplars is 0)",
            "prometheus' exemplar storage is off",
            "start prometheus with --enable-feature=exemplar-storage",
        )
    } else if is_described(&format!("{FAMILY}_total")) && !is_described(FAMILY) {
        Finding::new(
            "prometheus keeps exemplars but got none; otel-collector's metrics come in the older text format",
            "otel-collector's prometheus exporter does not speak OpenMetrics",
            "set enable_open_metrics: true in otel-collector's prometheus exporter",
        )
    } else {
        Finding::new(
            "prometheus keeps exemplars but got none; otel-collector's metrics come as OpenMetrics",
            "otel-collector's spanmetrics makes no exemplars",
            "set exemplars.enabled: true in otel-collector's spanmetrics",
        )
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn findings() -> Vec<Finding> {
        let made = |storage, described: &str| explain(storage, &[described.to_owned()]);
        let total = format!("{FAMILY}_total");
        vec![untraced(0), made(None, ""), made(Some(1.0), &total), made(Some(1.0), FAMILY)]
    }

    fn cause(storage: Option<f64>, described: &str) -> String {
        explain(storage, &[described.to_owned()]).cause
    }

    #[test]
    fn the_three_switches_are_told_apart() {
        let total = format!("{FAMILY}_total");
        for off in [None, Some(0.0)] {
            assert!(cause(off, FAMILY).contains("exemplar storage"));
            assert!(cause(off, &total).contains("exemplar storage"));
        }
        assert!(cause(Some(1e5), &total).contains("OpenMetrics"));
        assert!(cause(Some(1e5), FAMILY).contains("makes no exemplars"));
    }
}
