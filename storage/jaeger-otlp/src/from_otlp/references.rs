use spoor_proto::api_v2::{SpanRef, SpanRefType};
use spoor_store::otlp::{AnyValue, Link, Span};

use crate::keys;

/// The references to the parent, which comes first, and to what the links point to. A link to the
/// parent tells what kind of reference that is.
pub(super) fn of(span: &Span<'_>) -> Vec<SpanRef> {
    let mut references: Vec<_> = to_parent(span).into_iter().collect();
    for link in span.links() {
        let (trace_id, span_id) = link.ids();
        let kind = kind(&link);
        match references.first_mut() {
            Some(first) if span.parent() == Some(span_id) && trace_id == span.trace_id => {
                first.ref_type = kind.into();
            }
            _ => references.push(reference(trace_id, span_id, kind)),
        }
    }
    references
}

pub(super) fn to_parent(span: &Span<'_>) -> Option<SpanRef> {
    span.parent().map(|parent| reference(span.trace_id, parent, SpanRefType::ChildOf))
}

fn reference(trace_id: &[u8], span_id: &[u8], kind: SpanRefType) -> SpanRef {
    SpanRef {
        trace_id: trace_id.to_vec().into(),
        span_id: span_id.to_vec().into(),
        ref_type: kind.into(),
    }
}

fn kind(link: &Link<'_>) -> SpanRefType {
    let mut attributes = link.attributes();
    let kind = attributes.find(|attribute| attribute.has_key(keys::REFERENCE_TYPE));
    match kind.map(|attribute| attribute.value()) {
        Some(AnyValue::String(keys::CHILD_OF)) => SpanRefType::ChildOf,
        _ => SpanRefType::FollowsFrom,
    }
}
