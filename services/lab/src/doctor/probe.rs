//! The doctor's own requests to the services, whose traces, logs and numbers are then looked for.

use std::time::SystemTime;

use futures::future::{join_all, try_join_all};
use serde::Deserialize;

use super::api::{self, Failure, ask, ask_json};
use super::finding::Finding;
use super::lab::Lab;
use super::link::{Link, SERVICES};
use crate::ports::Port;
use crate::ports::known::ENTRY;

/// How many requests each service gets to an endpoint that no other traffic uses.
pub const ITEMS: usize = 10;
/// What the spans of these requests are called.
pub const ITEM: &str = "GET /items/{id}";
/// How many `/chain` are asked at once, where one does not tell enough.
const AT_ONCE: usize = 10;

/// One request through all services.
#[derive(Clone, Debug)]
pub struct Chain {
    pub trace_id: String,
    /// Whether the first service's sampler took it.
    pub sampled: bool,
    pub sent: SystemTime,
    pub answered: SystemTime,
}

#[derive(Deserialize)]
struct Answer {
    trace_id: String,
    sampled: bool,
}

/// Asks the first service for a `/chain`.
pub async fn chain(lab: &Lab<'_>) -> Result<Chain, Finding> {
    let sent = SystemTime::now();
    let request = lab.client.get(&format!("{}/chain", lab.url(ENTRY)));
    let question = format!("{} for /chain", ENTRY.part);
    let Answer { trace_id, sampled } =
        ask_json(&question, request).await.map_err(|failure| broken_chain(&failure))?;
    Ok(Chain { trace_id, sampled, sent, answered: SystemTime::now() })
}

fn broken_chain(failure: &Failure) -> Finding {
    Finding::new(
        failure.to_string(),
        "a service does not reach the next one: the message names the call that failed",
        "compare the calling service's TARGET_ONE and TARGET_TWO with where the services listen",
    )
}

/// Asks for as many more, and tells those that were answered.
pub async fn chains(lab: &Lab<'_>, count: usize) -> Vec<Chain> {
    let mut answered = Vec::new();
    for _ in 0..count.div_ceil(AT_ONCE) {
        answered.extend(join_all((0..AT_ONCE).map(|_| chain(lab))).await.into_iter().flatten());
    }
    answered
}

/// Asks each service for items.
pub async fn items(lab: &Lab<'_>) -> Result<(), Failure> {
    let ports = SERVICES.into_iter().filter_map(Link::port);
    try_join_all(ports.map(async |port: Port| {
        for id in 1..=ITEMS {
            let request = lab.client.get(&format!("{}/items/{id}", lab.url(port)));
            ask(&format!("{} for an item", port.part), request).await?;
        }
        Ok(())
    }))
    .await?;
    Ok(())
}

/// What a service makes of a trace that comes in, as W3C trace context, with the request.
pub struct Continued {
    /// Of the trace that was sent.
    pub trace_id: String,
    /// Whether the service went on with it.
    pub same_trace: bool,
    pub sampled: bool,
}

/// Asks a service for some `/chain`, each within a new, sampled trace.
pub async fn continued(lab: &Lab<'_>, service: Port) -> Result<Vec<Continued>, Failure> {
    try_join_all((0..AT_ONCE).map(|_| continue_one(lab, service))).await
}

async fn continue_one(lab: &Lab<'_>, service: Port) -> Result<Continued, Failure> {
    let trace_id = api::otlp::trace_id();
    let parent = format!("00-{trace_id}-{}-01", api::otlp::span_id());
    let request = lab.client.get(&format!("{}/chain", lab.url(service)));
    let question = format!("{} for /chain with a traceparent", service.part);
    let answer: Answer = ask_json(&question, request.header("traceparent", parent)).await?;
    Ok(Continued { same_trace: answer.trace_id == trace_id, sampled: answer.sampled, trace_id })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn findings() -> Vec<Finding> {
        vec![broken_chain(&Failure::nonsense("", ""))]
    }
}
