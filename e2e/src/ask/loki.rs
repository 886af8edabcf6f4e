use anyhow::Context;
use serde_json::Value;

use super::{Labels, Series, ask, labels, list, number};

/// Loki's HTTP API. Times are in seconds since the epoch.
#[derive(Clone, Debug)]
pub struct Loki(
    /// Its URL, without a slash at the end.
    pub String,
);

/// A log line.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Those of its stream and its structured metadata, which Loki does not tell apart here.
    pub labels: Labels,
    /// The line.
    pub text: String,
}

impl Loki {
    /// The lines that `logql` selects, the newest first.
    ///
    /// # Errors
    /// When Loki does not answer, or refuses the query.
    pub async fn lines(&self, logql: &str, [start, end]: [f64; 2]) -> anyhow::Result<Vec<Entry>> {
        let [start, end] = [start, end].map(nanoseconds);
        let parameters = [("query", logql), ("start", &start), ("end", &end), ("limit", "5000")];
        let answer = self.get("query_range", &parameters).await?;
        let mut entries = Vec::new();
        for stream in list(&answer, "result")? {
            for value in list(stream, "values")? {
                let text = value[1].as_str().context("finding a line")?.to_owned();
                entries.push(Entry { labels: labels(&stream["stream"])?, text });
            }
        }
        Ok(entries)
    }

    /// The series of a metric query at `time`.
    ///
    /// # Errors
    /// See [`Loki::lines`].
    pub async fn query(&self, logql: &str, time: f64) -> anyhow::Result<Vec<Series>> {
        let answer = self.get("query", &[("query", logql), ("time", &nanoseconds(time))]).await?;
        let series = |series: &Value| {
            let point = (number(&series["value"][0])?, number(&series["value"][1])?);
            Ok(Series { labels: labels(&series["metric"])?, points: vec![point] })
        };
        list(&answer, "result")?.iter().map(series).collect()
    }

    /// How many streams there are in a time.
    ///
    /// # Errors
    /// See [`Loki::lines`].
    pub async fn streams(&self, [start, end]: [f64; 2]) -> anyhow::Result<usize> {
        let [start, end] = [start, end].map(nanoseconds);
        let all = [("match[]", r#"{service_name=~".+"}"#), ("start", &start), ("end", &end)];
        Ok(self.get("series", &all).await?.as_array().context("finding the streams")?.len())
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
        let mut answer = ask(&format!("{}/loki/api/v1/{path}", self.0), parameters).await?;
        Ok(answer["data"].take())
    }
}

fn nanoseconds(time: f64) -> String {
    format!("{:.0}", time * 1e9)
}
