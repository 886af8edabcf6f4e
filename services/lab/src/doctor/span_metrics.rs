//! Whether metrics made of spans count each request once.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::api::Failure;
use super::api::prometheus::{self, Target};
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::link::SERVICES;
use super::probe::{ITEM, ITEMS};

/// The name under which Prometheus scrapes what spanmetrics and servicegraph make.
const JOB: &str = "span-metrics";
/// The counter of calls.
pub const CALLS: &str = "traces_span_metrics_calls_total";
/// The histogram of durations.
pub const BUCKETS: &str = "traces_span_metrics_duration_milliseconds_bucket";
/// How old a value may be: a Prometheus that starts on what it had before goes on answering a
/// counter's last value for 5 min, though the counter has started anew. Five scrapes.
pub const FRESH: &str = "10s";
/// What would be their names under another namespace, in another unit or without suffixes.
const ANY_NAMES: &str = ".*calls(_total)?|.*duration(_[a-z]+)?_bucket";

/// How much of the whole time a first scrape may take: of a minute, three scrapes.
const SCRAPE_SHARE: f64 = 0.1;
/// How much of the whole time the numbers may take.
const SHARE: f64 = 0.35;
/// A flush, a scrape and something over: what is counted twice comes with the next.
const SETTLED: Duration = Duration::from_secs(4);

/// Calls of the probe's operation, by service.
pub type Counts = BTreeMap<String, f64>;

/// The counts to start from, once a scrape is fresh enough to tell them: a Prometheus or a Collector
/// that comes back would seem to have counted nothing so far. Where none comes, that is told later.
pub async fn before(lab: &Lab<'_>) -> Result<[Counts; 2], Failure> {
    let scraped = async || {
        let up = format!(r#"last_over_time(up{{job="{JOB}"}}[{FRESH}]) == 1"#);
        let up = prometheus::query(lab, &up).await.map_err(Some)?;
        if up.is_empty() { Err(None) } else { Ok(()) }
    };
    match lab.poll("a scrape of span metrics", lab.within(SCRAPE_SHARE), scraped).await {
        Ok(()) | Err(None) => counts(lab).await,
        Err(Some(failure)) => Err(failure),
    }
}

/// How many calls were counted so far, and as many durations.
async fn counts(lab: &Lab<'_>) -> Result<[Counts; 2], Failure> {
    let durations = BUCKETS.replace("_bucket", "_count");
    Ok([count(lab, CALLS).await?, count(lab, &durations).await?])
}

async fn count(lab: &Lab<'_>, metric: &str) -> Result<Counts, Failure> {
    let promql = format!(
        r#"sum by (service_name) (last_over_time({metric}{{span_name="{ITEM}",span_kind="SPAN_KIND_SERVER",status_code=~"STATUS_CODE_(UNSET|OK)"}}[{FRESH}]))"#
    );
    let series = prometheus::query(lab, &promql).await?;
    let count =
        |series: prometheus::Series| (series.label("service_name").to_owned(), series.value());
    Ok(series.into_iter().map(count).collect())
}

/// Waits until the calls and durations since `before` are those of the probe.
pub async fn examine(lab: &Lab<'_>, before: &[Counts; 2]) -> Verdict {
    let complete = async || {
        let now = counts(lab).await.map_err(Lack::Answer)?;
        let increases = [0, 1].map(|index| increases(&before[index], &now[index]));
        match increases.iter().flatten().all(|increase| *increase >= ITEMS as f64) {
            true => Ok(()),
            false => Err(Lack::Calls(increases)),
        }
    };
    match lab.poll("span metrics of the probe", lab.within(SHARE), complete).await {
        Ok(()) => {}
        Err(Lack::Answer(failure)) => return Err(failure.into()),
        Err(Lack::Calls(increases)) => return Err(narrow(lab, increases).await?),
    }
    sleep(SETTLED).await;
    let [calls, _] = counts(lab).await?;
    let calls = increases(&before[0], &calls);
    match calls.iter().any(|increase| *increase > ITEMS as f64) {
        true => Err(too_many(calls)),
        false => Ok(format!("{ITEMS} of {ITEMS} requests counted for each service, once")),
    }
}

enum Lack {
    Answer(Failure),
    /// Calls: so many came, and so many durations.
    Calls([[f64; 4]; 2]),
}

/// By how much each service's count grew. One that is smaller now has started anew.
fn increases(before: &Counts, now: &Counts) -> [f64; 4] {
    SERVICES.map(|service| {
        let [before, now] =
            [before, now].map(|counts| counts.get(service.name()).copied().unwrap_or(0.0));
        if now < before { now } else { now - before }
    })
}

/// Asks what Prometheus has instead.
async fn narrow(lab: &Lab<'_>, increases: [[f64; 4]; 2]) -> Result<Finding, Failure> {
    let targets = prometheus::targets(lab).await?;
    if let Some(finding) = unscraped(&targets) {
        return Ok(finding);
    }
    let names = prometheus::names(lab, JOB, ANY_NAMES).await?;
    Ok(misnamed(&names).unwrap_or_else(|| too_few(increases)))
}

/// When Prometheus does not get the Collector's metrics.
fn unscraped(targets: &[Target]) -> Option<Finding> {
    let job = |target: &Target| target.labels.get("job").cloned().unwrap_or_default();
    let target = targets.iter().find(|target| job(target) == JOB);
    let seen = match target {
        None => {
            let jobs = targets.iter().map(job).collect::<Vec<_>>();
            format!("of {} targets of prometheus none is {JOB}: {}", jobs.len(), jobs.join(", "))
        }
        Some(Target { scrape_url, last_error, .. }) if !last_error.is_empty() => {
            format!("scraping {scrape_url} fails: {last_error}")
        }
        Some(_) => return None,
    };
    Some(Finding::new(
        seen,
        "prometheus does not get otel-collector's span metrics: prometheus -> otel-collector is \
         broken",
        format!("the target {JOB} must be where otel-collector's prometheus exporter listens"),
    ))
}

/// When the metrics are there under other names, or not at all.
fn misnamed(names: &[String]) -> Option<Finding> {
    let has = |name: &str| names.iter().any(|other| other == name);
    if has(CALLS) && has(BUCKETS) {
        return None;
    }
    if names.is_empty() {
        return Some(Finding::new(
            "prometheus scrapes otel-collector, but has no metric of calls or durations",
            "otel-collector makes no span metrics",
            "spanmetrics must export from the pipeline of traces and receive in that of metrics",
        ));
    }
    let seen = format!("prometheus has {} instead of {CALLS} and {BUCKETS}", names.join(", "));
    let fix = "namespace, histogram.unit and suffixes must be those that Jaeger and the dashboards ask for";
    let cause = if !names.iter().any(|name| name.starts_with("traces_span_metrics_")) {
        "otel-collector's spanmetrics has another namespace than traces.span.metrics"
    } else if has(CALLS) {
        "otel-collector's spanmetrics has another unit than ms, or its exporter adds no unit"
    } else {
        "otel-collector's prometheus exporter adds no suffixes"
    };
    Some(Finding::new(seen, cause, fix))
}

fn too_few([calls, durations]: [[f64; 4]; 2]) -> Finding {
    let short = calls.iter().any(|increase| *increase < ITEMS as f64);
    let (what, increases) = if short { ("requests", calls) } else { ("durations", durations) };
    let whole = |increase: &f64| *increase >= ITEMS as f64;
    if increases.iter().any(whole)
        && increases.iter().all(|increase| whole(increase) || *increase == 0.0)
    {
        return Finding::new(
            told(what, increases),
            "all spans of some services pass spanmetrics by",
            "what these services send to jaeger straight must be copied to otel-collector",
        );
    }
    Finding::new(
        told(what, increases),
        "spans are sampled or lost before they are counted",
        "sample behind spanmetrics only, not in the services (OTEL_TRACES_SAMPLER); look for \
         refused or dropped spans in the logs of otel-collector and the services",
    )
}

fn too_many(calls: [f64; 4]) -> Finding {
    Finding::new(
        told("requests", calls),
        "spans reach spanmetrics on two ways, unless somebody else asked for items meanwhile",
        "only one pipeline may export a service's spans to spanmetrics; run the doctor again to \
         rule others out",
    )
}

fn told(what: &str, increases: [f64; 4]) -> String {
    let each = SERVICES.iter().zip(increases);
    let each = each.map(|(service, increase)| format!("{} {increase}", service.name()));
    format!("of {ITEMS} {what} each were counted: {}", each.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
pub mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::addresses::Addresses;
    use crate::output::Output;
    use crate::with::With;

    pub fn findings() -> Vec<Finding> {
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let misnamed = |given: &[&str]| misnamed(&names(given)).unwrap();
        let [none, all] = [[0.0; 4], [ITEMS as f64; 4]];
        let some = [ITEMS as f64, 0.0, 0.0, 0.0];
        vec![
            unscraped(&[]).unwrap(),
            misnamed(&[]),
            misnamed(&["calls_total"]),
            misnamed(&[CALLS]),
            misnamed(&["traces_span_metrics_calls"]),
            too_few([some, all]),
            too_few([none, none]),
            too_many(all),
        ]
    }

    #[tokio::test]
    async fn counts_to_start_from_are_of_a_fresh_scrape() {
        let prometheus = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = prometheus.local_addr().unwrap().port().to_string();
        let addresses =
            Addresses::published(|name| (name == "PROMETHEUS_PORT").then(|| port.clone())).unwrap();
        // Like one that comes back: the third question is asked after the first scrape.
        tokio::spawn(async move {
            for asked in 1.. {
                let (mut connection, _) = prometheus.accept().await.unwrap();
                let _ = connection.read(&mut [0; 4096]).await;
                let series = r#"{"metric":{"service_name":"app-a"},"value":[1,"10"]}"#;
                let series = if asked < 3 { "" } else { series };
                let body = format!(r#"{{"data":{{"result":[{series}]}}}}"#);
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
                let answer = format!("{head}: {}\r\n\r\n{body}", body.len());
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        let progress = Output::new(std::io::sink());
        let lab = Lab::new(&addresses, &[With::Prometheus], Duration::from_secs(60), &progress);
        let [calls, durations] = before(&lab).await.unwrap();
        assert_eq!((calls["app-a"], durations["app-a"]), (10.0, 10.0));
    }

    fn misnamed_by(calls: &str, buckets: &str) -> Option<String> {
        let names: Vec<_> = [calls, buckets].map(str::to_owned).into_iter().collect();
        misnamed(&names).map(|finding| finding.cause)
    }

    #[test]
    fn the_names_that_exist_tell_what_is_set_otherwise() {
        assert_eq!(misnamed_by(CALLS, BUCKETS), None);
        let namespace = misnamed_by("red_calls_total", "red_duration_milliseconds_bucket").unwrap();
        assert!(namespace.contains("namespace"), "{namespace}");
        let unit = misnamed_by(CALLS, "traces_span_metrics_duration_seconds_bucket").unwrap();
        assert!(unit.contains("unit"), "{unit}");
        let suffixes =
            misnamed_by("traces_span_metrics_calls", "traces_span_metrics_duration_bucket")
                .unwrap();
        assert!(suffixes.contains("suffixes"), "{suffixes}");
        let none = misnamed(&[]).unwrap().cause;
        assert!(none.contains("makes no span metrics"), "{none}");
    }

    fn target(job: &str, error: &str) -> Target {
        Target {
            labels: [("job".to_owned(), job.to_owned())].into(),
            scrape_url: format!("http://{job}:1/metrics"),
            last_error: error.to_owned(),
        }
    }

    #[test]
    fn span_metrics_that_are_not_scraped_are_told_from_those_that_cannot_be() {
        assert_eq!(unscraped(&[target(JOB, ""), target("loki", "refused")]), None);
        let absent = unscraped(&[target("loki", "")]).unwrap();
        assert_eq!(absent.evidence, "of 1 targets of prometheus none is span-metrics: loki");
        let down = unscraped(&[target("loki", ""), target(JOB, "refused")]).unwrap();
        assert_eq!(down.evidence, "scraping http://span-metrics:1/metrics fails: refused");
    }

    #[test]
    fn services_that_are_not_counted_at_all_are_told_from_losses() {
        let by = too_few([[10.0, 10.0, 0.0, 0.0]; 2]);
        assert!(by.cause.contains("pass spanmetrics by"), "{by:?}");
        let lost = too_few([[10.0, 10.0, 4.0, 0.0]; 2]);
        assert!(lost.cause.contains("sampled or lost"), "{lost:?}");
        assert!(lost.evidence.ends_with("app-a 10, app-b 10, app-c 4, app-d 0"), "{lost:?}");
    }

    #[test]
    fn an_increase_is_by_service_and_survives_a_restart() {
        let counts = |values: &[(&str, f64)]| {
            values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect::<Counts>()
        };
        let before = counts(&[("app-a", 5.0), ("app-b", 100.0)]);
        let now = counts(&[("app-a", 15.0), ("app-b", 10.0), ("app-c", 10.0)]);
        assert_eq!(increases(&before, &now), [10.0, 10.0, 10.0, 0.0]);
    }
}
