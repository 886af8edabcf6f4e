use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::{Labels, ask, labels, list, now, number};

/// Prometheus's HTTP API. Times are in seconds since the epoch.
#[derive(Clone, Debug)]
pub struct Prometheus(
    /// Its URL, without a slash at the end.
    pub String,
);

/// A series at one time or at several.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Pairs of time and value; one for an instant query.
    pub points: Vec<(f64, f64)>,
}

/// Value by the values of some labels, which are joined by `|`.
pub type Values = BTreeMap<String, f64>;

/// A span behind a number.
#[derive(Clone, Debug)]
pub struct Exemplar {
    /// The labels of the series that it belongs to.
    pub series: Labels,
    /// Its own labels.
    pub labels: Labels,
    /// What was measured.
    pub value: f64,
}

impl Prometheus {
    /// The series of `promql` at `time`.
    ///
    /// # Errors
    /// When Prometheus does not answer, or refuses the query.
    pub async fn query(&self, promql: &str, time: f64) -> anyhow::Result<Vec<Series>> {
        let answer = self.get("query", &[("query", promql), ("time", &time.to_string())]).await?;
        series(&answer, |series| Ok(vec![point(&series["value"])?]))
    }

    /// The only value of `promql` at `time`, if there is one.
    ///
    /// # Errors
    /// See [`Prometheus::query`].
    pub async fn value(&self, promql: &str, time: f64) -> anyhow::Result<Option<f64>> {
        Ok(self.query(promql, time).await?.first().map(|series| series.points[0].1))
    }

    /// The present values of `promql`, which has each combination of `labels` once.
    ///
    /// # Errors
    /// See [`Prometheus::query`].
    pub async fn values(&self, promql: &str, labels: &[&str]) -> anyhow::Result<Values> {
        let values = self.query(promql, now()).await?.into_iter().map(|series| {
            let text = |label: &&str| series.labels.get(*label).map_or("", String::as_str);
            (labels.iter().map(text).collect::<Vec<_>>().join("|"), series.points[0].1)
        });
        Ok(values.collect())
    }

    /// The series of `promql` from start to end, and the step between.
    ///
    /// # Errors
    /// See [`Prometheus::query`].
    pub async fn range(&self, promql: &str, times: [f64; 3]) -> anyhow::Result<Vec<Series>> {
        let [start, end, step] = times.map(|time| time.to_string());
        let parameters = [("query", promql), ("start", &start), ("end", &end), ("step", &step)];
        let answer = self.get("query_range", &parameters).await?;
        series(&answer, |series| list(series, "values")?.iter().map(point).collect())
    }

    /// The exemplars of the series in `promql`.
    ///
    /// # Errors
    /// See [`Prometheus::query`].
    pub async fn exemplars(&self, promql: &str, times: [f64; 2]) -> anyhow::Result<Vec<Exemplar>> {
        let [start, end] = times.map(|time| time.to_string());
        let parameters = [("query", promql), ("start", &start), ("end", &end)];
        let answer = self.get("query_exemplars", &parameters).await?;
        let mut exemplars = Vec::new();
        for series in answer.as_array().context("finding the series")? {
            for exemplar in list(series, "exemplars")? {
                exemplars.push(Exemplar {
                    series: labels(&series["seriesLabels"])?,
                    labels: labels(&exemplar["labels"])?,
                    value: number(&exemplar["value"])?,
                });
            }
        }
        Ok(exemplars)
    }

    /// What `/api/v1/PATH` answers as its data.
    ///
    /// # Errors
    /// See [`Prometheus::query`].
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
        let mut answer = ask(&format!("{}/api/v1/{path}", self.0), parameters).await?;
        Ok(answer["data"].take())
    }
}

fn series(
    answer: &Value,
    points: impl Fn(&Value) -> anyhow::Result<Vec<(f64, f64)>>,
) -> anyhow::Result<Vec<Series>> {
    if answer["resultType"] == "scalar" {
        let points = vec![point(&answer["result"])?];
        return Ok(vec![Series { labels: Labels::new(), points }]);
    }
    let series = list(answer, "result")?.iter();
    series.map(|one| Ok(Series { labels: labels(&one["metric"])?, points: points(one)? })).collect()
}

fn point(point: &Value) -> anyhow::Result<(f64, f64)> {
    Ok((number(&point[0])?, number(&point[1])?))
}
