//! What an answer tells of the trace that it is in.

use axum::Json;
use serde_json::{Value, json};
use telemetry::SpanContext;

/// The answer with the id of the request's trace, and whether that is kept.
pub(crate) fn in_trace(mut answer: Value) -> Json<Value> {
    let span = SpanContext::current();
    answer["trace_id"] = json!(span.trace_id().to_string());
    answer["sampled"] = json!(span.is_sampled());
    Json(answer)
}
