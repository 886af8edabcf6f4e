//! What was sent, by trace, to tell what each server must answer.

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// The names of span kinds and status codes, by their numbers in OTLP.
pub const KINDS: [&str; 6] =
    ["unspecified", "internal", "server", "client", "producer", "consumer"];
pub const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// A trace that was sent, its spans in the order of sending.
pub struct Trace {
    pub id: Vec<u8>,
    pub spans: Vec<Kept>,
}

/// A span alone with its resource and scope.
pub struct Kept {
    pub single: ResourceSpans,
    /// The resource's `service.name`, or nothing.
    pub service: String,
    /// The number of the request that it came with.
    pub request: u64,
}

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Span,
    Resource,
    Scope,
    Event,
    Link,
}

impl Kept {
    pub fn scope(&self) -> Option<&InstrumentationScope> {
        self.single.scope_spans[0].scope.as_ref()
    }

    pub fn span(&self) -> &Span {
        &self.single.scope_spans[0].spans[0]
    }

    /// Whether it has an id, without which a span is refused by spoor.
    pub fn is_good(&self) -> bool {
        !self.span().span_id.is_empty()
    }

    /// Each list of attributes.
    pub fn lists(&self) -> impl Iterator<Item = (Level, &[KeyValue])> {
        let span = self.span();
        let resource =
            self.single.resource.iter().map(|one| (Level::Resource, &one.attributes[..]));
        let scope = self.scope().into_iter().map(|one| (Level::Scope, &one.attributes[..]));
        let events = span.events.iter().map(|one| (Level::Event, &one.attributes[..]));
        let links = span.links.iter().map(|one| (Level::Link, &one.attributes[..]));
        let own = std::iter::once((Level::Span, &span.attributes[..]));
        own.chain(resource).chain(scope).chain(events).chain(links)
    }
}

/// Each attribute of a span, its resource and the rest.
pub fn attributes(span: &Kept) -> impl Iterator<Item = &KeyValue> {
    span.lists().flat_map(|(_, list)| list)
}

/// The text of a value, as both sides compare it. That spoor's own code tells it here hides
/// nothing: Jaeger's answers have to agree.
pub fn text_of(value: Option<&AnyValue>) -> String {
    let bytes = value.map(Message::encode_to_vec).unwrap_or_default();
    spoor_store::otlp::text_of(spoor_store::otlp::AnyValue::parse(&bytes)).into_owned()
}

/// The traces of requests, in the order in which their first spans were sent.
pub fn traces(requests: &[ExportTraceServiceRequest]) -> Vec<Trace> {
    let mut traces = Vec::<Trace>::new();
    let mut places = HashMap::new();
    for (number, request) in requests.iter().enumerate() {
        for single in singles(&request.resource_spans) {
            let id = single.scope_spans[0].spans[0].trace_id.clone();
            let place = *places.entry(id.clone()).or_insert(traces.len());
            if place == traces.len() {
                traces.push(Trace { id, spans: Vec::new() });
            }
            let service = service(&single);
            traces[place].spans.push(Kept { single, service, request: number as u64 });
        }
    }
    traces
}

/// Each span alone with its resource and scope.
pub fn singles(resources: &[ResourceSpans]) -> Vec<ResourceSpans> {
    let mut singles = Vec::new();
    for resource in resources {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let of_scope = ScopeSpans {
                    scope: scope.scope.clone(),
                    spans: vec![span.clone()],
                    schema_url: scope.schema_url.clone(),
                };
                singles.push(ResourceSpans {
                    resource: resource.resource.clone(),
                    scope_spans: vec![of_scope],
                    schema_url: resource.schema_url.clone(),
                });
            }
        }
    }
    singles
}

fn service(single: &ResourceSpans) -> String {
    let attributes = single.resource.iter().flat_map(|resource| &resource.attributes);
    let named = attributes.filter(|attribute| attribute.key == "service.name");
    let texts = named.filter_map(|attribute| match &attribute.value.as_ref()?.value {
        Some(Value::StringValue(name)) => Some(name.clone()),
        _ => None,
    });
    texts.into_iter().next().unwrap_or_default()
}
