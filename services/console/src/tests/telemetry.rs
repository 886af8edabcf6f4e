//! Spans to write.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

pub const MS: u64 = 1_000_000;

/// Nanoseconds since the epoch.
pub fn now() -> u64 {
    u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap()
}

pub fn id(trace: u128) -> String {
    format!("{trace:032x}")
}

pub fn string(value: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.to_owned())) }
}

pub fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// A captured header.
pub fn header(name: &str, value: &str) -> KeyValue {
    let array = ArrayValue { values: vec![string(value)] };
    let value = AnyValue { value: Some(Value::ArrayValue(array)) };
    attribute(&format!("http.request.header.{name}"), value)
}

/// A span of HTTP of the last minute, from so many milliseconds after its begin to so many.
pub fn span(trace: u128, id: u64, parent: u64, kind: SpanKind, (from, to): (u64, u64)) -> Span {
    let begin = now() / MS * MS - 30_000 * MS;
    Span {
        trace_id: trace.to_be_bytes().into(),
        span_id: id.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        name: format!("GET /{id}"),
        kind: kind.into(),
        start_time_unix_nano: begin + from * MS,
        end_time_unix_nano: begin + to * MS,
        attributes: vec![attribute("http.request.method", string("GET"))],
        ..Span::default()
    }
}

pub fn of(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let attributes = vec![attribute("service.name", string(service))];
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

/// `app-a` is asked and asks `app-b`, which fails.
pub fn chain(trace: u128) -> Vec<ResourceSpans> {
    use opentelemetry_proto::tonic::trace::v1::Status;
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    let status = Some(Status { code: StatusCode::Error.into(), message: "no stock".to_owned() });
    let mut called = Span { status, ..span(trace, 3, 2, SpanKind::Server, (20, 60)) };
    called.attributes.push(header("baggage", "tier=gold"));
    let mut calling = span(trace, 2, 1, SpanKind::Client, (10, 70));
    calling.attributes.push(header("baggage", "tier=gold"));
    let root = span(trace, 1, 0, SpanKind::Server, (0, 100));
    vec![of("app-a", vec![root, calling]), of("app-b", vec![called])]
}
