use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use spoor_store::filter::Predicate;
use spoor_store::otlp::spans_of_resources;
use spoor_store::{TimeRange, TraceId};

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
    range: TimeRange,
    limit: usize,
    caller: &Caller,
) -> Vec<Found> {
    let mut unread: BinaryHeap<_> = traces
        .into_iter()
        .filter(|(_, trace)| trace.may_start_in(range))
        .map(|(id, trace)| Candidate { rank: rank(trace.latest_start(), id), trace })
        .collect();
    // The last of the ranked is on top.
    let mut ranked = BinaryHeap::<Reverse<Candidate>>::new();
    while let Some(Candidate { rank: bound, trace }) = unread.pop() {
        let is_full = ranked.len() == limit;
        if caller.is_gone() || is_full && ranked.peek().is_some_and(|last| last.0.rank > bound) {
            break;
        }
        let (_, Reverse(id)) = bound;
        if let Some(start) = latest_matching_start(&trace, predicate, range) {
            ranked.push(Reverse(Candidate { rank: rank(start, id), trace }));
            if ranked.len() > limit {
                ranked.pop();
            }
        }
    }
    ranked
        .into_sorted_vec()
        .into_iter()
        .map(|Reverse(Candidate { rank: (_, Reverse(id)), trace })| (id, trace))
        .collect()
}

fn latest_matching_start(trace: &Trace, predicate: &Predicate, range: TimeRange) -> Option<u64> {
    trace
        .fragments()
        .iter()
        .flat_map(|fragment| spans_of_resources(fragment, |resource| predicate.may_match(resource)))
        .filter(|span| range.contains(span.span.start) && predicate.matches(span))
        .map(|span| span.span.start)
        .max()
}

/// Greater ranks come first.
type Rank = (u64, Reverse<TraceId>);

fn rank(start: u64, id: TraceId) -> Rank {
    (start, Reverse(id))
}

/// A trace, ordered by its rank.
struct Candidate {
    rank: Rank,
    trace: Arc<Trace>,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Candidate {}
