//! Searching for spans.

use std::collections::BTreeMap;

use bytes::Bytes;
use spoor_store::filter::Predicate;
use spoor_store::otlp::{SpanInTrace, spans_of, spans_of_resources};
use spoor_store::{FoundSpan, SpanKey, SpanQuery};

use crate::{Caller, Found};

/// The first `limit` matching spans in the order of the query, behind the one that it names.
/// Without a caller the search ends early, and what it gives means nothing.
///
/// Each is put together when it is taken: with a resource of its own, a span may take much more
/// than where it lies.
pub(crate) fn first_matching(
    traces: &[Found],
    predicate: &Predicate,
    query: &SpanQuery,
    caller: &Caller,
) -> impl Iterator<Item = FoundSpan> + Send + use<> {
    let after = query.after.map(|key| query.order.position(&key));
    let mut first = BTreeMap::new();
    for (_, trace) in traces.iter().filter(|(_, trace)| trace.may_start_in(query.start)) {
        if caller.is_gone() {
            break;
        }
        let spans = trace.fragments().iter().flat_map(|fragment| {
            let spans = spans_of_resources(fragment, |resource| predicate.may_match(resource));
            spans.map(move |span| (fragment, span))
        });
        for (fragment, span) in spans.filter(|(_, span)| query.start.contains(span.span.start)) {
            let Some(key) = SpanKey::of(&span.span) else { continue };
            let position = query.order.position(&key);
            let is_behind = after.is_none_or(|after| position > after);
            let may_enter = first.len() < query.limit
                || first.last_key_value().is_some_and(|(last, _)| position < *last);
            if is_behind && may_enter && predicate.matches_for(&span, &|| caller.is_gone()) {
                first.entry(position).or_insert_with(|| (key, fragment.clone(), place(&span)));
                if first.len() > query.limit {
                    first.pop_last();
                }
            }
        }
    }
    first.into_values().map(|(key, fragment, at)| FoundSpan { key, data: alone(&fragment, at) })
}

/// Where the span is: no two have their ids at the same place.
fn place(span: &SpanInTrace<'_>) -> usize {
    span.span.span_id.as_ptr().addr()
}

/// The span at this place of a fragment, by itself.
fn alone(fragment: &Bytes, at: usize) -> Bytes {
    let own = spans_of(fragment).find(|span| place(span) == at);
    own.map_or_else(Bytes::new, |span| span.to_traces_data())
}
