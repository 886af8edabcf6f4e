use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use spoor_proto::api_v2::{SpanRef, SpanRefType};

use super::attributes::key_value;
use crate::{ids, keys};

/// The id of the span's parent, or none: the first one of its trace that it is a child of, or else
/// that it follows from.
pub(super) fn parent(trace_id: &[u8], references: &[SpanRef]) -> Vec<u8> {
    let first = |kind: SpanRefType| {
        references.iter().find(|reference| {
            reference.ref_type == i32::from(kind) && ids::trace_id(&reference.trace_id) == trace_id
        })
    };
    let parent = first(SpanRefType::ChildOf).or_else(|| first(SpanRefType::FollowsFrom));
    parent.map(|reference| ids::span_id(&reference.span_id)).unwrap_or_default()
}

/// The references besides that to the parent. If the span follows from its parent, a link tells.
pub(super) fn links(parent: &[u8], references: &[SpanRef]) -> Vec<Link> {
    let links = references.iter().filter_map(|reference| {
        let is_child = reference.ref_type == i32::from(SpanRefType::ChildOf);
        let span_id = ids::span_id(&reference.span_id);
        // The translator doesn't ask for the trace either.
        if is_child && span_id == parent {
            return None;
        }
        let kind = if is_child { keys::CHILD_OF } else { keys::FOLLOWS_FROM };
        let kind = Value::StringValue(kind.to_owned());
        Some(Link {
            trace_id: ids::trace_id(&reference.trace_id),
            span_id,
            attributes: vec![key_value(keys::REFERENCE_TYPE.to_owned(), kind)],
            ..Link::default()
        })
    });
    links.collect()
}
