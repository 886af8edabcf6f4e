//! Export requests to write, and the bytes in them that must come back.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, TracesData};
use prost::Message;

pub(super) use opentelemetry_proto::tonic::common::v1::any_value::Value;
pub(super) use opentelemetry_proto::tonic::trace::v1::Span;

use crate::otlp::wire::{Fields, put_varint};
use crate::{LegacyQuery, TimeRange, TraceId};

/// When spans start unless a rule says otherwise: nanoseconds since the Unix epoch, long ago.
pub(super) const START: u64 = 1_700_000_000_000_000_000;
pub(super) const MILLISECOND: u64 = 1_000_000;
pub(super) const DAY: u64 = 86_400_000_000_000;

/// The id of the trace of this number, above zero. Ids are ordered as numbers are.
pub(super) fn trace_id(number: u64) -> TraceId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    TraceId::from_slice(&bytes).expect("numbers of traces are above zero")
}

pub(super) fn number_of(id: TraceId) -> u64 {
    id.as_bytes()[8..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub(super) fn span_id(number: u64) -> Vec<u8> {
    number.to_be_bytes().into()
}

/// A root span of a millisecond.
pub(super) fn span(trace: u64, id: u64) -> Span {
    Span {
        trace_id: trace_id(trace).as_bytes().into(),
        span_id: span_id(id),
        name: "operation".to_owned(),
        start_time_unix_nano: START,
        end_time_unix_nano: START + MILLISECOND,
        ..Span::default()
    }
}

/// A root span that starts at this time.
pub(super) fn span_at(trace: u64, id: u64, start: u64) -> Span {
    Span {
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(MILLISECOND),
        ..span(trace, id)
    }
}

pub(super) fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

pub(super) fn any_value(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn array(values: impl Into<Vec<AnyValue>>) -> Value {
    Value::ArrayValue(ArrayValue { values: values.into() })
}

pub(super) fn map(values: impl Into<Vec<KeyValue>>) -> Value {
    Value::KvlistValue(KeyValueList { values: values.into() })
}

pub(super) fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any_value(value)), ..KeyValue::default() }
}

pub(super) fn resource(attributes: Vec<KeyValue>) -> Resource {
    Resource { attributes, ..Resource::default() }
}

/// What a service's resource is: its name, and nothing without a name.
pub(super) fn service_resource(service: &str) -> Resource {
    let named = (!service.is_empty()).then(|| key_value("service.name", text(service)));
    resource(named.into_iter().collect())
}

/// Spans of a service, of one resource and one scope.
pub(super) fn resource_spans(service: &str, spans: impl Into<Vec<Span>>) -> ResourceSpans {
    let scope_spans = vec![ScopeSpans { spans: spans.into(), ..ScopeSpans::default() }];
    let resource = Some(service_resource(service));
    ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
}

/// An export request.
pub(super) fn request(resource_spans: impl Into<Vec<ResourceSpans>>) -> Bytes {
    TracesData { resource_spans: resource_spans.into() }.encode_to_vec().into()
}

/// An export request of one service.
pub(super) fn export(service: &str, spans: impl Into<Vec<Span>>) -> Bytes {
    request([resource_spans(service, spans)])
}

/// A query that only asks for this attribute.
pub(super) fn with_attribute(key: &str, text: &str) -> LegacyQuery {
    LegacyQuery { attributes: vec![(key.to_owned(), text.to_owned())], ..LegacyQuery::default() }
}

/// A query that only asks for this service.
pub(super) fn of_service(service: &str) -> LegacyQuery {
    LegacyQuery { service: service.to_owned(), ..LegacyQuery::default() }
}

/// The inclusive range of these times.
pub(super) fn range(min: u64, max: u64) -> TimeRange {
    TimeRange { min, max }
}

/// A length-delimited field, as it stands in a message.
pub(super) fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint((number as usize) << 3 | 2, &mut out);
    put_varint(content.len(), &mut out);
    out.extend_from_slice(content);
    out
}

/// A span's bytes with those of what encloses it. How spans are grouped under equal resources
/// and scopes is free, these bytes are not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SpanBytes {
    pub(super) span: Vec<u8>,
    /// The `ResourceSpans` without its scope spans.
    pub(super) resource: Vec<u8>,
    /// The `ScopeSpans` without its spans.
    pub(super) scope: Vec<u8>,
}

impl std::fmt::Debug for SpanBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [span, resource, scope] = [&self.span, &self.resource, &self.scope]
            .map(|bytes| bytes[..bytes.len().min(200)].escape_ascii());
        write!(f, "\"{span}\" in \"{resource}\" and \"{scope}\"")
    }
}

/// The spans of `TracesData` messages, sorted.
pub(super) fn spans_in<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> Vec<SpanBytes> {
    let mut spans = Vec::new();
    for message in messages {
        let (_, resource_spans) = take_out(message, 1);
        for resource_spans in resource_spans {
            let (resource, scope_spans) = take_out(resource_spans, 2);
            for scope_spans in scope_spans {
                let (scope, inner) = take_out(scope_spans, 2);
                spans.extend(inner.into_iter().map(|span| SpanBytes {
                    span: span.to_owned(),
                    resource: resource.clone(),
                    scope: scope.clone(),
                }));
            }
        }
    }
    spans.sort_unstable();
    spans
}

/// Takes the messages in the field `number` out of a message, and gives what remains and them.
fn take_out(message: &[u8], number: u32) -> (Vec<u8>, Vec<&[u8]>) {
    let mut rest = Vec::new();
    let mut taken = Vec::new();
    for field in Fields::of(message).flatten() {
        match field.value {
            crate::otlp::wire::Value::Len(inner) if field.number == number => taken.push(inner),
            _ => rest.extend_from_slice(field.raw),
        }
    }
    (rest, taken)
}
