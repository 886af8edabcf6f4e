//! Spans of API v1 as OTLP.

mod attributes;
mod references;
mod status;

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use prost_types::{Duration, Timestamp};
use spoor_proto::api_v2;

use crate::{ids, keys};
use attributes::{Attributes, text};

/// An encoded export request of these spans, each beside the others of its process and scope.
pub fn request(spans: Vec<api_v2::Span>) -> Vec<u8> {
    let mut resource_spans: Vec<ResourceSpans> = Vec::new();
    let mut places = HashMap::new();
    for mut span in spans {
        let process = span.process.take().unwrap_or_default();
        let place = *places.entry(process.encode_to_vec()).or_insert_with(|| {
            let resource = Some(resource(process));
            resource_spans.push(ResourceSpans { resource, ..ResourceSpans::default() });
            resource_spans.len() - 1
        });
        let scope_spans = &mut resource_spans[place].scope_spans;
        let scope = Some(take_scope(&mut span.tags));
        let place = scope_spans.iter().position(|spans| spans.scope == scope);
        let place = place.unwrap_or_else(|| {
            scope_spans.push(ScopeSpans { scope, ..ScopeSpans::default() });
            scope_spans.len() - 1
        });
        scope_spans[place].spans.push(otlp_span(span));
    }
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn resource(process: api_v2::Process) -> Resource {
    if process.service_name == keys::NO_SERVICE {
        return Resource::default();
    }
    let mut attributes = Attributes::default();
    if !process.service_name.is_empty() {
        attributes.put(keys::SERVICE_NAME, Value::StringValue(process.service_name));
    }
    attributes.extend(process.tags);
    if !attributes.has(keys::HOST_NAME)
        && let Some(name) = attributes.take(keys::HOSTNAME)
    {
        attributes.put(keys::HOST_NAME, name);
    }
    if !attributes.has(keys::EXPORTER_VERSION)
        && let Some(version) = attributes.take(keys::JAEGER_VERSION)
    {
        let version = format!("Jaeger-{}", text(&version));
        attributes.put(keys::EXPORTER_VERSION, Value::StringValue(version));
    }
    Resource { attributes: attributes.into_vec(), ..Resource::default() }
}

/// The scope that the tags tell, without these. A version without a name is an ordinary tag.
fn take_scope(tags: &mut Vec<api_v2::KeyValue>) -> InstrumentationScope {
    let mut take = |key: &str| {
        let index = tags.iter().position(|tag| tag.key == key)?;
        Some(tags.remove(index).v_str)
    };
    let mut scope = InstrumentationScope::default();
    if let Some(name) = take(keys::SCOPE_NAME) {
        scope.name = name;
        scope.version = take(keys::SCOPE_VERSION).unwrap_or_default();
    }
    scope
}

fn otlp_span(span: api_v2::Span) -> Span {
    let trace_id = ids::trace_id(&span.trace_id);
    let parent_span_id = references::parent(&trace_id, &span.references);
    let links = references::links(&parent_span_id, &span.references);
    let mut attributes = Attributes::default();
    attributes.extend(span.tags);
    let kind = attributes.take(keys::SPAN_KIND);
    let kind = kind.map_or(SpanKind::Unspecified, |name| kind_named(text(&name)));
    let status = status::take(&mut attributes, kind);
    let trace_state = attributes.take(keys::TRACE_STATE);
    if !span.warnings.is_empty() {
        attributes.put(keys::WARNINGS, array(span.warnings));
    }
    let start = nanos(span.start_time);
    Span {
        trace_id,
        span_id: ids::span_id(&span.span_id),
        trace_state: trace_state.map(|state| text(&state).to_owned()).unwrap_or_default(),
        parent_span_id,
        name: span.operation_name,
        kind: kind.into(),
        start_time_unix_nano: clamp(start),
        end_time_unix_nano: clamp(start.saturating_add(duration(span.duration))),
        attributes: attributes.into_vec(),
        events: span.logs.into_iter().map(event).collect(),
        links,
        status: Some(status).filter(|status| *status != Status::default()),
        ..Span::default()
    }
}

fn kind_named(name: &str) -> SpanKind {
    match name {
        "internal" => SpanKind::Internal,
        "server" => SpanKind::Server,
        "client" => SpanKind::Client,
        "producer" => SpanKind::Producer,
        "consumer" => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

fn event(log: api_v2::Log) -> Event {
    let mut attributes = Attributes::default();
    attributes.extend(log.fields);
    let name = attributes.take(keys::EVENT_NAME);
    Event {
        time_unix_nano: clamp(nanos(log.timestamp)),
        name: name.map(|name| text(&name).to_owned()).unwrap_or_default(),
        attributes: attributes.into_vec(),
        ..Event::default()
    }
}

fn array(texts: Vec<String>) -> Value {
    let values = texts.into_iter().map(|text| AnyValue { value: Some(Value::StringValue(text)) });
    Value::ArrayValue(ArrayValue { values: values.collect() })
}

const NANOS: i128 = 1_000_000_000;

/// Since the Unix epoch.
fn nanos(time: Option<Timestamp>) -> i128 {
    time.map_or(0, |time| i128::from(time.seconds) * NANOS + i128::from(time.nanos))
}

fn duration(duration: Option<Duration>) -> i128 {
    duration.map_or(0, |duration| i128::from(duration.seconds) * NANOS + i128::from(duration.nanos))
}

/// The nearest time that OTLP has.
fn clamp(nanos: i128) -> u64 {
    u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
}
