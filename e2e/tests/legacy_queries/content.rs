//! The spans of a trace as a server gives them back.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::differences::{Difference::*, Rules};

/// Each span alone with its resource and scope, encoded, in an order of their own: that in which a
/// trace's spans come says nothing.
pub fn content(singles: impl Iterator<Item = ResourceSpans>, rules: &Rules) -> Vec<Vec<u8>> {
    let mut content: Vec<_> =
        singles.map(|single| changed(single, rules).encode_to_vec()).collect();
    content.sort_unstable();
    content
}

fn changed(mut single: ResourceSpans, rules: &Rules) -> ResourceSpans {
    if rules.has(Converted) {
        return kept_by_conversion(&single);
    }
    let of_scope = &mut single.scope_spans[0];
    if rules.has(SchemaUrlsLost) {
        single.schema_url.clear();
        of_scope.schema_url.clear();
    }
    if rules.has(EmptyForAbsent) {
        of_scope.scope.get_or_insert_default();
        let span = &mut of_scope.spans[0];
        span.status.get_or_insert_default();
        fill(&mut span.attributes);
        for event in &mut span.events {
            fill(&mut event.attributes);
        }
        single.resource.get_or_insert_default();
    }
    single
}

fn fill(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        attribute.value.get_or_insert_default();
    }
}

/// What is left of a span that went to Jaeger's older model and back.
fn kept_by_conversion(single: &ResourceSpans) -> ResourceSpans {
    let span = &single.scope_spans[0].spans[0];
    let attributes = single.resource.iter().flat_map(|resource| &resource.attributes);
    let named = |attribute: &&KeyValue| {
        let empty = AnyValue { value: Some(Value::StringValue(String::new())) };
        attribute.key == "service.name" && attribute.value != Some(empty)
    };
    let kept = Span {
        trace_id: span.trace_id.clone(),
        span_id: span.span_id.clone(),
        parent_span_id: span.parent_span_id.clone(),
        name: span.name.clone(),
        kind: span.kind,
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: span.end_time_unix_nano,
        ..Span::default()
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes: attributes.filter(named).cloned().collect(),
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { spans: vec![kept], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}
