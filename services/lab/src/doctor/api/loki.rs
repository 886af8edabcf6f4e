//! Loki's HTTP API.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;

use super::{Failure, ask_json};
use crate::doctor::lab::{Lab, seconds};
use crate::ports::known::LOKI;

/// The most lines of one answer: more than a probe makes.
const LIMIT: &str = "1000";

/// Lines with the same labels and structured metadata, which Loki answers as one set.
#[derive(Debug, Deserialize)]
pub struct Stream {
    #[serde(rename = "stream")]
    labels: BTreeMap<String, String>,
    values: Vec<(String, String)>,
}

impl Stream {
    pub fn lines(&self) -> usize {
        self.values.len()
    }

    /// Each with its nanoseconds since the epoch.
    pub fn values(&self) -> impl Iterator<Item = (Option<u64>, &str)> {
        self.values.iter().map(|(time, line)| (time.parse().ok(), line.as_str()))
    }

    /// The value of a label or of structured metadata; empty without one.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// What it tells of its version.
pub async fn version(lab: &Lab<'_>) -> Result<String, Failure> {
    let request = lab.client.get(&format!("{}/loki/api/v1/status/buildinfo", lab.url(LOKI)));
    let build: BTreeMap<String, String> = ask_json("loki for its version", request).await?;
    Ok(build.get("version").cloned().unwrap_or_default())
}

/// The lines since `start` that the LogQL selects.
pub async fn lines(lab: &Lab<'_>, logql: &str, start: SystemTime) -> Result<Vec<Stream>, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        result: Vec<Stream>,
    }
    let request = lab.client.get(&format!("{}/loki/api/v1/query_range", lab.url(LOKI)));
    // It rounds to milliseconds, and leaves out what is at the end.
    let times = [("start", seconds(start) - 0.001), ("end", seconds(SystemTime::now()) + 1.0)];
    let request = request.query(&times).query(&[("query", logql), ("limit", LIMIT)]);
    let answer: Answer = ask_json(&format!("loki for {logql}"), request).await?;
    Ok(answer.data.result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_metadata_is_read_beside_labels() {
        let text = r#"{"stream":{"service_name":"app-a","trace_id":"7ef1"},
            "values":[["1795330880899428578","saying hello"]]}"#;
        let stream: Stream = serde_json::from_str(text).unwrap();
        assert_eq!((stream.label("trace_id"), stream.label("span_id")), ("7ef1", ""));
        assert_eq!(stream.lines(), 1);
    }
}
