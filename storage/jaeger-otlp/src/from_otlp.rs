//! OTLP as spans of API v1.

mod references;
mod tags;

use prost_types::Duration;
use spoor_proto::{api_v2, timestamp};
use spoor_store::otlp::{AnyValue, Event, Resource, SpanInTrace, SpanKind, StatusCode, text_of};

use crate::keys;
use tags::tag;

/// The most attributes, events and links that a span is converted with: each takes up to a hundred
/// times its bytes in memory.
const MAX_PARTS: usize = 1 << 16;

/// A span with its process. One that has too many parts is converted without them, for whoever
/// searches could read none of the others either if it were refused.
pub fn span(found: &SpanInTrace<'_>) -> api_v2::Span {
    let parts = parts(found);
    if parts <= MAX_PARTS { whole(found) } else { bare(found, parts) }
}

/// How many attributes, events, links and warnings it has.
fn parts(SpanInTrace { span, resource, .. }: &SpanInTrace<'_>) -> usize {
    let events: usize = span.events().map(|event| 1 + event.attributes().count()).sum();
    let warnings = span.attributes().filter(|attribute| attribute.has_key(keys::WARNINGS));
    let warnings: usize = warnings.map(|attribute| attribute.value().elements().count()).sum();
    let attributes = resource.attributes().count() + span.attributes().count();
    attributes + events + span.links().count() + warnings
}

fn bare(found: &SpanInTrace<'_>, parts: usize) -> api_v2::Span {
    let span = &found.span;
    let service_name = found.resource.service_name().to_owned();
    let left_out = format!("left out: {parts} attributes, events and links, more than {MAX_PARTS}");
    api_v2::Span {
        trace_id: span.trace_id.to_vec().into(),
        span_id: span.span_id.to_vec().into(),
        operation_name: span.name.to_owned(),
        references: references::to_parent(span).into_iter().collect(),
        start_time: Some(timestamp(span.start)),
        duration: Some(duration(span.duration())),
        process: Some(api_v2::Process { service_name, ..api_v2::Process::default() }),
        warnings: vec![left_out],
        ..api_v2::Span::default()
    }
}

fn whole(found: &SpanInTrace<'_>) -> api_v2::Span {
    let span = &found.span;
    api_v2::Span {
        trace_id: span.trace_id.to_vec().into(),
        span_id: span.span_id.to_vec().into(),
        operation_name: span.name.to_owned(),
        references: references::of(span),
        start_time: Some(timestamp(span.start)),
        duration: Some(duration(span.duration())),
        tags: span_tags(found),
        logs: span.events().map(|event| log(&event)).collect(),
        process: Some(process(&found.resource)),
        warnings: warnings(found),
        ..api_v2::Span::default()
    }
}

fn process(resource: &Resource<'_>) -> api_v2::Process {
    let mut attributes = resource.attributes().peekable();
    if attributes.peek().is_none() {
        let service_name = keys::NO_SERVICE.to_owned();
        return api_v2::Process { service_name, ..api_v2::Process::default() };
    }
    let tags = attributes.filter(|attribute| !attribute.has_key(keys::SERVICE_NAME));
    api_v2::Process {
        service_name: resource.service_name().to_owned(),
        tags: tags.map(|attribute| tag(attribute.key(), attribute.value())).collect(),
    }
}

fn span_tags(found: &SpanInTrace<'_>) -> Vec<api_v2::KeyValue> {
    let (span, scope) = (&found.span, &found.scope);
    let mut tags = Vec::new();
    tags.extend(text_tag(keys::SCOPE_NAME, scope.name()));
    tags.extend(text_tag(keys::SCOPE_VERSION, scope.version()));
    let attributes = span.attributes().filter(|attribute| !attribute.has_key(keys::WARNINGS));
    tags.extend(attributes.map(|attribute| tag(attribute.key(), attribute.value())));
    if span.kind != SpanKind::Unspecified {
        tags.push(tag(keys::SPAN_KIND, AnyValue::String(span.kind.field_name())));
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => tags.push(tag(keys::STATUS_CODE, AnyValue::String(keys::OK_CODE))),
        StatusCode::Error => {
            tags.push(tag(keys::STATUS_CODE, AnyValue::String(keys::ERROR_CODE)));
            tags.push(tag(keys::ERROR, AnyValue::Bool(true)));
        }
    }
    tags.extend(text_tag(keys::STATUS_DESCRIPTION, span.status_message()));
    tags.extend(text_tag(keys::TRACE_STATE, span.trace_state()));
    tags
}

fn text_tag(key: &str, text: &str) -> Option<api_v2::KeyValue> {
    (!text.is_empty()).then(|| tag(key, AnyValue::String(text)))
}

fn warnings(found: &SpanInTrace<'_>) -> Vec<String> {
    let mut attributes = found.span.attributes();
    match attributes.find(|attribute| attribute.has_key(keys::WARNINGS)).map(|it| it.value()) {
        None => Vec::new(),
        Some(values @ AnyValue::Array(_)) => values.elements().map(text).collect(),
        Some(other) => vec![text_of(other).into_owned()],
    }
}

fn text(value: AnyValue<'_>) -> String {
    if let AnyValue::String(text) = value { text.to_owned() } else { String::new() }
}

fn log(event: &Event<'_>) -> api_v2::Log {
    let is_named = event.attributes().any(|attribute| attribute.has_key(keys::EVENT_NAME));
    let name = text_tag(keys::EVENT_NAME, event.name()).filter(|_| !is_named);
    let attributes = event.attributes().map(|attribute| tag(attribute.key(), attribute.value()));
    api_v2::Log {
        timestamp: Some(timestamp(event.time())),
        fields: name.into_iter().chain(attributes).collect(),
    }
}

/// Cut to 64 bits of nanoseconds: Go reads no longer duration.
fn duration(nanos: i128) -> Duration {
    const NANOS: i64 = 1_000_000_000;
    let nanos = nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    Duration { seconds: nanos / NANOS, nanos: (nanos % NANOS) as i32 }
}
