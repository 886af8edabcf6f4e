//! Prometheus' HTTP API.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Failure, ask_json, ask_text};
use crate::doctor::lab::{Lab, seconds};
use crate::ports::known::PROMETHEUS;

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// What every answer is wrapped in.
#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Queried {
    result: Vec<Series>,
}

/// One series of an answer.
#[derive(Debug, Deserialize)]
pub struct Series {
    pub metric: Labels,
    #[serde(default)]
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl Series {
    /// Of an instant query.
    pub fn value(&self) -> f64 {
        self.value.as_ref().map_or(f64::NAN, |(_, text)| number(text))
    }

    /// Of a range query: milliseconds since the epoch and value.
    pub fn points(&self) -> BTreeMap<i64, f64> {
        self.values.iter().map(|(at, text)| ((at * 1e3).round() as i64, number(text))).collect()
    }

    /// The value of a label; empty without one.
    pub fn label(&self, name: &str) -> &str {
        self.metric.get(name).map_or("", String::as_str)
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// A target that Prometheus scrapes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub labels: Labels,
    pub scrape_url: String,
    /// Why the last scrape failed; empty when it did not.
    pub last_error: String,
}

/// A trace that Prometheus keeps with a sample.
#[derive(Debug, Deserialize)]
pub struct Exemplar {
    pub labels: Labels,
    /// Seconds since the epoch.
    pub timestamp: f64,
}

/// An alert that is pending or fires.
#[derive(Debug, Deserialize)]
pub struct Alert {
    pub labels: Labels,
    #[serde(default)]
    pub annotations: Labels,
    pub state: String,
}

async fn get<T: DeserializeOwned>(
    lab: &Lab<'_>,
    what: &str,
    path: &str,
    query: &[(&str, String)],
) -> Result<T, Failure> {
    let request = lab.client.get(&format!("{}/api/v1/{path}", lab.url(PROMETHEUS))).query(query);
    let answer: Answer<T> = ask_json(&format!("prometheus for {what}"), request).await?;
    Ok(answer.data)
}

/// What it tells of its version.
pub async fn version(lab: &Lab<'_>) -> Result<String, Failure> {
    let build: Labels = get(lab, "its version", "status/buildinfo", &[]).await?;
    Ok(build.get("version").cloned().unwrap_or_default())
}

/// The value now of each series that the PromQL selects.
pub async fn query(lab: &Lab<'_>, promql: &str) -> Result<Vec<Series>, Failure> {
    let answer: Queried = get(lab, promql, "query", &[("query", promql.to_owned())]).await?;
    Ok(answer.result)
}

/// The values of each series from `start` to `end`, `step` seconds apart.
pub async fn query_range(
    lab: &Lab<'_>,
    promql: &str,
    [start, end, step]: [f64; 3],
) -> Result<Vec<Series>, Failure> {
    let times = [("start", start), ("end", end), ("step", step)];
    let mut parameters = times.map(|(name, value)| (name, value.to_string())).to_vec();
    parameters.push(("query", promql.to_owned()));
    let answer: Queried = get(lab, promql, "query_range", &parameters).await?;
    Ok(answer.result)
}

/// The names of all metrics of a job that match the regular expression and have a value now.
pub async fn names(lab: &Lab<'_>, job: &str, pattern: &str) -> Result<Vec<String>, Failure> {
    let promql = format!(r#"count by (__name__) ({{job="{job}",__name__=~"{pattern}"}})"#);
    let found = query(lab, &promql).await?;
    Ok(found.iter().map(|series| series.label("__name__").to_owned()).collect())
}

/// Everything that it scrapes.
pub async fn targets(lab: &Lab<'_>) -> Result<Vec<Target>, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Targets {
        active_targets: Vec<Target>,
    }
    let targets: Targets =
        get(lab, "its targets", "targets", &[("state", "active".to_owned())]).await?;
    Ok(targets.active_targets)
}

/// The exemplars of the series that the PromQL selects, since `start`, the newest first.
pub async fn exemplars(
    lab: &Lab<'_>,
    promql: &str,
    start: SystemTime,
) -> Result<Vec<Exemplar>, Failure> {
    #[derive(Deserialize)]
    struct OfSeries {
        exemplars: Vec<Exemplar>,
    }
    let times = [("start", start), ("end", SystemTime::now())];
    let mut parameters = times.map(|(name, time)| (name, seconds(time).to_string())).to_vec();
    parameters.push(("query", promql.to_owned()));
    let series: Vec<OfSeries> = get(lab, "exemplars", "query_exemplars", &parameters).await?;
    let mut exemplars: Vec<_> = series.into_iter().flat_map(|series| series.exemplars).collect();
    exemplars.sort_by(|one, other| other.timestamp.total_cmp(&one.timestamp));
    Ok(exemplars)
}

/// The names under which targets describe their metrics: those of families where they speak
/// OpenMetrics, of samples otherwise.
pub async fn described(lab: &Lab<'_>) -> Result<Vec<String>, Failure> {
    let metadata: BTreeMap<String, serde_json::Value> =
        get(lab, "the metadata of metrics", "metadata", &[]).await?;
    Ok(metadata.into_keys().collect())
}

/// Every alert that is pending or fires.
pub async fn alerts(lab: &Lab<'_>) -> Result<Vec<Alert>, Failure> {
    #[derive(Deserialize)]
    struct Alerts {
        alerts: Vec<Alert>,
    }
    let alerts: Alerts = get(lab, "its alerts", "alerts", &[]).await?;
    Ok(alerts.alerts)
}

/// One of Prometheus' own metrics, which has no labels.
pub async fn own_metric(lab: &Lab<'_>, name: &str) -> Result<Option<f64>, Failure> {
    let request = lab.client.get(&format!("{}/metrics", lab.url(PROMETHEUS)));
    let text = ask_text("prometheus for its own metrics", request).await?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.map(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instant_and_range_answers_are_read() {
        let text = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"service_name":"app-a"},"value":[1795330988.474,"2"]},
            {"metric":{},"values":[[1795330988.4,"NaN"],[1795330989.4,"0.5"]]}]}}"#;
        let answer: Answer<Queried> = serde_json::from_str(text).unwrap();
        let [instant, range] = &answer.data.result[..] else { panic!() };
        assert_eq!((instant.label("service_name"), instant.value()), ("app-a", 2.0));
        assert!(range.points()[&1_795_330_988_400].is_nan());
        assert_eq!(range.points()[&1_795_330_989_400], 0.5);
    }

    #[test]
    fn a_target_that_is_down_is_read_with_its_error() {
        let text = r#"{"discoveredLabels":{"__address__":"x"},"labels":{"job":"loki"},
            "scrapePool":"lab","scrapeUrl":"http://x/metrics","globalUrl":"","lastError":"refused",
            "lastScrape":"","lastScrapeDuration":0.1,"health":"down"}"#;
        let target: Target = serde_json::from_str(text).unwrap();
        assert_eq!(
            (target.scrape_url.as_str(), target.last_error.as_str()),
            ("http://x/metrics", "refused")
        );
    }
}
