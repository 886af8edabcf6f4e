//! Asking the HTTP APIs of running programs.

mod jaeger;
mod loki;
mod prometheus;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde_json::Value;

pub use jaeger::{JaegerQuery, Span, SpmMetric};
pub use loki::{Entry, Loki};
pub use prometheus::{Exemplar, Prometheus, Series, Values};

use crate::http;

/// Labels and their values.
pub type Labels = BTreeMap<String, String>;

/// The JSON that `url` answers to `parameters`.
///
/// # Errors
/// When there is no answer, or one without success, whose body is told then.
pub async fn ask(url: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
    let body = text(url, parameters).await?;
    serde_json::from_str(&body).with_context(|| format!("reading what {url} answers: {body}"))
}

/// The text that `url` answers to `parameters`.
///
/// # Errors
/// See [`ask`].
pub async fn text(url: &str, parameters: &[(&str, &str)]) -> anyhow::Result<String> {
    let asking = || format!("asking {url} with {parameters:?}");
    let answer = http().get(url).query(parameters).send().await.with_context(asking)?;
    let status = answer.status();
    let body = answer.text().await.with_context(asking)?;
    ensure!(status.is_success(), "{}: {status}: {body}", asking());
    Ok(body)
}

/// The time in seconds since the epoch.
#[must_use]
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64()
}

/// A number, which JSON may have as text.
fn number(value: &Value) -> anyhow::Result<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.with_context(|| format!("reading the number {value}"))
}

fn list<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a [Value]> {
    let list = value[key].as_array().with_context(|| format!("finding the list {key}"))?;
    Ok(list)
}

/// The texts of an object.
fn labels(value: &Value) -> anyhow::Result<Labels> {
    let object = value.as_object().with_context(|| format!("reading the labels {value}"))?;
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    Ok(object.iter().filter_map(text).collect())
}
