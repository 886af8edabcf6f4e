use std::collections::BTreeMap;

use anyhow::Context;
use prost_types::Timestamp;
use reqwest::StatusCode;
use serde_json::Value;

use super::{Labels, ask, labels, list, number};
use crate::http;

/// Jaeger's HTTP API. Times are in seconds since the epoch, but for those of spans.
#[derive(Clone, Debug)]
pub struct JaegerQuery(
    /// Its URL, without a slash at the end.
    pub String,
);

/// A span as `/api/v3` shows it.
#[derive(Clone, Debug)]
pub struct Span {
    /// The id of its trace, in hexadecimal digits.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The id of its parent, or nothing.
    pub parent: String,
    /// `service.name` of its resource.
    pub service: String,
    /// Its name.
    pub name: String,
    /// 1 internal, 2 server, 3 client.
    pub kind: u64,
    /// Whether its status is an error.
    pub failed: bool,
    /// In nanoseconds since the epoch.
    pub start: u64,
    /// In nanoseconds since the epoch.
    pub end: u64,
    /// The texts among the attributes of its resource and its own.
    pub attributes: Labels,
    /// The keys of those that are truths or fractions.
    pub others: Vec<String>,
}

impl Span {
    /// Whether it is a request that its service answered.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.kind == 2
    }

    /// In milliseconds.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.end.saturating_sub(self.start) as f64 / 1e6
    }
}

/// What the Monitor tab asks for.
#[derive(Clone, Copy, Debug)]
pub struct SpmMetric<'a> {
    /// `calls`, `errors` or `latencies`.
    pub name: &'a str,
    /// Of whose server spans.
    pub service: &'a str,
    /// Whether each operation is a series.
    pub by_operation: bool,
    /// What a latency is, from 0 to 1.
    pub quantile: &'a str,
}

impl JaegerQuery {
    /// The spans of a trace; none when it is not there.
    ///
    /// # Errors
    /// When Jaeger does not answer, or the answer cannot be read.
    pub async fn trace(&self, id: &str) -> anyhow::Result<Vec<Span>> {
        self.spans(&format!("traces/{id}"), &[]).await
    }

    /// The spans of all traces that have one of the service that began in that time.
    ///
    /// # Errors
    /// See [`JaegerQuery::trace`].
    pub async fn search(&self, service: &str, times: [f64; 2]) -> anyhow::Result<Vec<Span>> {
        let [start, end] = times.map(timestamp);
        let parameters = [
            ("query.service_name", service),
            ("query.start_time_min", &start),
            ("query.start_time_max", &end),
            ("query.num_traces", "10000"),
        ];
        self.spans("traces", &parameters).await
    }

    /// How often one service called another, from those whose span began in that time.
    ///
    /// # Errors
    /// See [`JaegerQuery::trace`].
    pub async fn dependencies(
        &self,
        [start, end]: [f64; 2],
    ) -> anyhow::Result<BTreeMap<(String, String), f64>> {
        let [lookback, end] = [end - start, end].map(milliseconds);
        let times = [("endTs", end.as_str()), ("lookback", &lookback)];
        let answer = ask(&format!("{}/api/dependencies", self.0), &times).await?;
        let call = |call: &Value| {
            let mut ends = labels(call)?;
            let mut end = |key| ends.remove(key).with_context(|| format!("finding the {key}"));
            Ok(((end("parent")?, end("child")?), number(&call["callCount"])?))
        };
        list(&answer, "data")?.iter().map(call).collect()
    }

    /// A graph of the Monitor tab from start to end, and the step between, of rates over a minute:
    /// pairs of time and value by operation, which is nothing when it is not asked for.
    ///
    /// # Errors
    /// See [`JaegerQuery::trace`].
    pub async fn spm(
        &self,
        metric: SpmMetric<'_>,
        [start, end, step]: [f64; 3],
    ) -> anyhow::Result<BTreeMap<String, Vec<(f64, f64)>>> {
        let [lookback, end, step] = [end - start, end, step].map(milliseconds);
        let parameters = [
            ("service", metric.service),
            ("spanKind", "server"),
            ("groupByOperation", if metric.by_operation { "true" } else { "false" }),
            ("quantile", metric.quantile),
            ("endTs", &end),
            ("lookback", &lookback),
            ("step", &step),
            ("ratePer", "60000"),
        ];
        let answer = ask(&format!("{}/api/metrics/{}", self.0, metric.name), &parameters).await?;
        let mut graphs = BTreeMap::new();
        for graph in list(&answer, "metrics")? {
            let label = list(graph, "labels")?.iter().find(|label| label["name"] == "operation");
            let operation = label.and_then(|label| label["value"].as_str()).unwrap_or_default();
            let point = |point: &Value| {
                let time = point["timestamp"].as_str().context("finding a point's time")?;
                let time: Timestamp = time.parse().context("reading a point's time")?;
                let time = time.seconds as f64 + f64::from(time.nanos) / 1e9;
                Ok((time, number(&point["gaugeValue"]["doubleValue"])?))
            };
            let points = list(graph, "metricPoints")?.iter().map(point);
            graphs.insert(operation.to_owned(), points.collect::<anyhow::Result<_>>()?);
        }
        Ok(graphs)
    }

    async fn spans(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Vec<Span>> {
        let url = format!("{}/api/v3/{path}", self.0);
        let asking = || format!("asking {url} with {parameters:?}");
        let answer = http().get(&url).query(parameters).send().await.with_context(asking)?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let answer = answer.error_for_status().with_context(asking)?;
        spans(&answer.json().await.with_context(asking)?)
    }
}

fn spans(answer: &Value) -> anyhow::Result<Vec<Span>> {
    let mut spans = Vec::new();
    for resource in answer["result"]["resourceSpans"].as_array().into_iter().flatten() {
        let common = attributes(&resource["resource"]);
        for scope in list(resource, "scopeSpans")? {
            for span in list(scope, "spans")? {
                let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
                let time = |key: &str| text(key).parse().with_context(|| format!("reading {key}"));
                let mut own = common.clone();
                own.extend(attributes(span));
                spans.push(Span {
                    trace: text("traceId"),
                    id: text("spanId"),
                    parent: text("parentSpanId"),
                    service: common.get("service.name").cloned().unwrap_or_default(),
                    name: text("name"),
                    kind: span["kind"].as_u64().unwrap_or_default(),
                    failed: span["status"]["code"] == 2,
                    start: time("startTimeUnixNano")?,
                    end: time("endTimeUnixNano")?,
                    attributes: own,
                    others: [&resource["resource"], span].into_iter().flat_map(others).collect(),
                });
            }
        }
    }
    Ok(spans)
}

fn attributes(value: &Value) -> Labels {
    let pairs = value["attributes"].as_array().into_iter().flatten();
    let text = |pair: &Value| {
        let value = pair["value"]["stringValue"].as_str()?.to_owned();
        Some((pair["key"].as_str()?.to_owned(), value))
    };
    pairs.filter_map(text).collect()
}

fn others(value: &Value) -> impl Iterator<Item = String> {
    let pairs = value["attributes"].as_array().into_iter().flatten();
    let other = pairs.filter(|pair| {
        ["boolValue", "doubleValue"].iter().any(|kind| !pair["value"][kind].is_null())
    });
    other.map(|pair| pair["key"].to_string())
}

/// RFC 3339.
fn timestamp(time: f64) -> String {
    let nanos = (time.fract() * 1e9) as i32;
    Timestamp { seconds: time as i64, nanos }.to_string()
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.0}", seconds * 1e3)
}
