//! Jaeger's HTTP API: only `/api/v3` and `/api/metrics`, since the older search goes away after
//! version 2.20.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::TracesData;
use reqwest::StatusCode;
use serde::Deserialize;
use traces::Trace;

use super::{Failure, Reason, ask_json, ask_text};
use crate::doctor::lab::Lab;
use crate::ports::known::JAEGER_UI;

/// The trace by its id; one without spans when there is none.
pub async fn trace(lab: &Lab<'_>, id: &str) -> Result<Trace, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        result: TracesData,
    }
    let request = lab.client.get(&format!("{}/api/v3/traces/{id}", lab.url(JAEGER_UI)));
    match ask_json::<Answer>("jaeger for a trace", request).await {
        Ok(answer) => Ok(Trace::new(answer.result)),
        Err(Failure { reason: Reason::Refusal(StatusCode::NOT_FOUND, _), .. }) => {
            Ok(Trace::default())
        }
        Err(failure) => Err(failure),
    }
}

/// The first page of the UI, in which its configuration is embedded.
pub async fn page(lab: &Lab<'_>) -> Result<String, Failure> {
    ask_text("jaeger for its UI", lab.client.get(&lab.url(JAEGER_UI))).await
}

/// Which times an SPM answer covers: milliseconds.
#[derive(Clone, Copy)]
pub struct Range {
    /// Since the epoch.
    pub end: i64,
    pub lookback: i64,
    pub step: i64,
    /// What `rate` covers.
    pub rate: i64,
}

/// One of `calls`, `errors` and `latencies`: value by milliseconds since the epoch of a service's
/// server spans, or none when Jaeger found no series.
pub async fn metric(
    lab: &Lab<'_>,
    metric: &str,
    service: &str,
    range: Range,
) -> Result<Option<BTreeMap<i64, f64>>, Failure> {
    let url = format!("{}/api/metrics/{metric}", lab.url(JAEGER_UI));
    let Range { end, lookback, step, rate } = range;
    let numbers = [("endTs", end), ("lookback", lookback), ("step", step), ("ratePer", rate)];
    let request = lab.client.get(&url).query(&numbers).query(&[
        ("service", service),
        ("spanKind", "server"),
        ("quantile", QUANTILE),
    ]);
    let question = format!("jaeger for the {metric} of {service}");
    let family: Family = ask_json(&question, request).await?;
    family.points().map_err(|problem| Failure::nonsense(&question, problem))
}

/// Of the latencies.
pub const QUANTILE: &str = "0.95";

#[derive(Deserialize)]
struct Family {
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    metric_points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    gauge_value: Gauge,
    timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gauge {
    /// JSON has no word for what is not a number: then it is text.
    double_value: serde_json::Value,
}

impl Family {
    fn points(self) -> Result<Option<BTreeMap<i64, f64>>, String> {
        let Some(metric) = self.metrics.into_iter().next() else { return Ok(None) };
        let points = metric.metric_points.into_iter().map(|Point { gauge_value, timestamp }| {
            let time = humantime::parse_rfc3339(&timestamp)
                .map_err(|error| format!("the time {timestamp}: {error}"))?;
            let millis = (crate::doctor::lab::seconds(time) * 1e3).round() as i64;
            Ok((millis, gauge_value.double_value.as_f64().unwrap_or(f64::NAN)))
        });
        points.collect::<Result<_, _>>().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_with_those_that_are_no_number() {
        let text = r#"{"name":"service_latencies","type":"GAUGE","help":"","metrics":[{"labels":[],
            "metricPoints":[
                {"gaugeValue":{"doubleValue":"NaN"},"timestamp":"2026-11-22T07:03:05.533Z"},
                {"gaugeValue":{"doubleValue":9.5},"timestamp":"2026-11-22T07:03:06.533Z"}]}]}"#;
        let family: Family = serde_json::from_str(text).unwrap();
        let points = family.points().unwrap().unwrap();
        assert!(points[&1_795_330_985_533].is_nan());
        assert_eq!(points[&1_795_330_986_533], 9.5);
    }

    #[test]
    fn no_series_is_not_no_points() {
        let family: Family = serde_json::from_str(r#"{"name":"","metrics":[]}"#).unwrap();
        assert_eq!(family.points(), Ok(None));
    }

    #[test]
    fn a_trace_is_read_as_jaeger_writes_it() {
        let text = r#"{"resourceSpans":[{"resource":{"attributes":[
            {"key":"service.name","value":{"stringValue":"app-a"}}]},
            "scopeSpans":[{"scope":{"name":"telemetry","version":"0.1.0"},"spans":[{
            "traceId":"7ef1ed80e14c4f9137a3045ddfd90d32","spanId":"9c5fe1b152f78e7a",
            "parentSpanId":"4be1f457edbb5596","flags":769,"name":"GET /","kind":2,
            "startTimeUnixNano":"1795330880899428578","endTimeUnixNano":"1795330880899825354",
            "attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},
            {"key":"http.response.status_code","value":{"intValue":"200"}}],"status":{}}]}]}]}"#;
        let trace = Trace::new(serde_json::from_str(text).unwrap());
        let [span] = trace.spans() else { panic!("{trace:?}") };
        assert_eq!((span.id.as_str(), span.protocol), ("9c5fe1b152f78e7a", "http"));
        assert_eq!((span.service.as_str(), span.start), ("app-a", 1_795_330_880_899_428_578));
    }
}
