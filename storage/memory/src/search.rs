use std::collections::BTreeMap;
use std::sync::Arc;

use spoor_store::filter::Predicate;
use spoor_store::otlp::{SpanInTrace, spans_of_resources};
use spoor_store::{TimeRange, TraceQuery, TraceRank};

use crate::trace::Trace;
use crate::{Caller, Found};

/// The first `limit` matching traces in the order that the store's contract gives: latest
/// matching start first, then the least id.
///
/// A trace's latest start bounds its matching ones, so the traces are read in that order, and the
/// rest can't matter once as many as wanted rank before it. Without a caller the search ends
/// early, and what it gives means nothing.
pub(crate) fn newest_matching(
    traces: Vec<Found>,
    predicate: &Predicate,
    query: &TraceQuery,
    caller: &Caller,
) -> BTreeMap<TraceRank, Arc<Trace>> {
    let is_behind = |rank: &TraceRank| query.after.is_none_or(|after| *rank > after);
    // What starts later than the place behind which the page begins is before it.
    let max = query.after.map_or(u64::MAX, |after| after.start).min(query.start.max);
    let within = TimeRange { max, ..query.start };
    let mut unread: BTreeMap<_, _> = traces
        .into_iter()
        .filter(|(_, trace)| trace.may_start_in(within))
        .map(|(trace_id, trace)| (TraceRank { start: trace.latest_start(), trace_id }, trace))
        .collect();
    let mut ranked = BTreeMap::new();
    while let Some((bound, trace)) = unread.pop_first() {
        let is_full = ranked.len() == query.limit;
        let last = ranked.last_key_value().map(|(last, _)| *last);
        if caller.is_gone() || is_full && last.is_some_and(|last| last < bound) {
            break;
        }
        let start = latest_matching_start(&trace, predicate, query.start, caller);
        let rank = start.map(|start| TraceRank { start, ..bound });
        if let Some(rank) = rank.filter(is_behind) {
            ranked.insert(rank, trace);
            if ranked.len() > query.limit {
                ranked.pop_last();
            }
        }
    }
    ranked
}

fn latest_matching_start(
    trace: &Trace,
    predicate: &Predicate,
    range: TimeRange,
    caller: &Caller,
) -> Option<u64> {
    let matches = |span: &SpanInTrace<'_>| predicate.matches_for(span, &|| caller.is_gone());
    trace
        .fragments()
        .iter()
        .flat_map(|fragment| spans_of_resources(fragment, |resource| predicate.may_match(resource)))
        .filter(|span| range.contains(span.span.start) && matches(span))
        .map(|span| span.span.start)
        .max()
}
