//! Telemetry of the doctor's own, sent where services send theirs. What becomes of it tells a
//! broken service from a broken path behind it.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Failure, ask};
use crate::doctor::lab::Lab;
use crate::ports::Port;
use crate::ports::known::{JAEGER_UI, OTLP_HTTP};
use crate::with::With;

const SERVICE: &str = "lab-doctor";

/// Who takes the services' telemetry: the Collector or, without one, Jaeger.
pub fn receiver(lab: &Lab<'_>) -> Port {
    match lab.has(With::Collector) {
        true => OTLP_HTTP,
        false => Port { part: JAEGER_UI.part, ..OTLP_HTTP },
    }
}

/// Sends nothing, which every receiver takes.
pub async fn nothing(lab: &Lab<'_>) -> Result<(), Failure> {
    send(lab, "traces", &json!({})).await
}

/// Sends one span, and tells its trace's id. It ends in an error, so that no sampler drops it; it
/// is internal, so that it counts as nobody's request.
pub async fn span(lab: &Lab<'_>) -> Result<String, Failure> {
    let trace_id = trace_id();
    let now = now();
    let span = json!({
        "traceId": trace_id, "spanId": span_id(), "name": "probe", "kind": 1,
        "startTimeUnixNano": now, "endTimeUnixNano": now, "status": { "code": 2 },
    });
    let scopes = json!([{ "spans": [span] }]);
    let body = json!({ "resourceSpans": [{ "resource": resource(), "scopeSpans": scopes }] });
    send(lab, "traces", &body).await?;
    Ok(trace_id)
}

/// Sends one log record, and tells the id of the trace that it says it is of.
pub async fn log(lab: &Lab<'_>) -> Result<String, Failure> {
    let trace_id = trace_id();
    let record = json!({
        "timeUnixNano": now(), "severityNumber": 9, "severityText": "INFO",
        "body": { "stringValue": "probe" }, "traceId": trace_id, "spanId": span_id(),
    });
    let scopes = json!([{ "logRecords": [record] }]);
    let body = json!({ "resourceLogs": [{ "resource": resource(), "scopeLogs": scopes }] });
    send(lab, "logs", &body).await?;
    Ok(trace_id)
}

async fn send(lab: &Lab<'_>, signal: &str, body: &Value) -> Result<(), Failure> {
    let receiver = receiver(lab);
    let request = lab.client.post(&format!("{}/v1/{signal}", lab.url(receiver))).json(body);
    ask(&format!("{} to take {signal}", receiver.part), request).await?;
    Ok(())
}

fn resource() -> Value {
    json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": SERVICE } }] })
}

/// A new id of a trace, in hexadecimal digits. Never all zeros, which is no id.
pub fn trace_id() -> String {
    format!("{:032x}", rand::random::<u128>().max(1))
}

/// A new id of a span, likewise.
pub fn span_id() -> String {
    format!("{:016x}", rand::random::<u64>().max(1))
}

fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}
