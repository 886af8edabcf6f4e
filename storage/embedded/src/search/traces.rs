//! Searching for traces.

use std::collections::HashSet;

use spoor_store::{ReadError, TimeRange, TraceId, TraceQuery, TraceRank};

use super::earlier::those_before;
use super::prune::Candidates;
use super::rank::Ranking;
use super::{Place, Rows, Search, Visit, unavailable};
use crate::bitmap::Bitmap;
use crate::budget::{Grant, List};
use crate::tenant::Snapshot;

/// What a trace that comes before a page takes, about: the table is never full.
const BEFORE_BYTES: usize = 2 * size_of::<TraceId>();

/// How many traces are found at least that a page may not have.
const SPARE: usize = 16;

/// The traces that a search found.
pub(crate) struct Found<'g> {
    ranks: Vec<TraceRank>,
    ids: Vec<TraceId>,
    _held: List<'g>,
}

impl Found<'_> {
    /// Their places, in order.
    pub(crate) fn ranks(&self) -> &[TraceRank] {
        &self.ranks
    }

    /// Their ids, in order.
    pub(crate) fn ids(&self) -> &[TraceId] {
        &self.ids
    }
}

/// The traces that match, in order. Without a caller it ends early, and what it gives means
/// nothing.
pub(crate) fn find<'g>(
    snapshot: &Snapshot,
    grant: &'g Grant,
    query: &TraceQuery,
    is_gone: impl Fn() -> bool,
) -> Result<Found<'g>, ReadError> {
    let search = Search::new(snapshot, grant, &query.filter, &is_gone)?;
    let mut held = grant.list();
    let ranks = page(&search, grant, query)?.unwrap_or_default();
    held.resize((size_of::<TraceRank>() + size_of::<TraceId>()) * ranks.len())?;
    let ids = ranks.iter().map(|rank| rank.trace_id).collect();
    Ok(Found { ranks, ids, _held: held })
}

/// The traces of a page.
///
/// What lies behind the page's begin tells nothing of spans before it, so whatever was found is
/// looked up there. A trace that has some is not of this page. If too few are left, the search is
/// made again without those; each is for more traces than the one before, and the first for some
/// more than the page has, so that it is rarely made often.
fn page(
    search: &Search<'_>,
    grant: &Grant,
    query: &TraceQuery,
) -> Result<Option<Vec<TraceRank>>, ReadError> {
    let (mut before, mut held) = (HashSet::new(), grant.list());
    let spare = query.after.map_or(0, |_| SPARE.max(query.limit / 4));
    let mut limit = query.limit.saturating_add(spare);
    loop {
        let Some(mut ranks) = first(search, grant, query, limit, &before)? else {
            return Ok(None);
        };
        let Some(after) = query.after else { return Ok(Some(ranks)) };
        let are_all = ranks.len() < limit;
        let Some(earlier) = those_before(search, query.start, after, &ranks)? else {
            return Ok(None);
        };
        ranks.retain(|rank| !earlier.contains(&rank.trace_id));
        if are_all || ranks.len() >= query.limit {
            ranks.truncate(query.limit);
            return Ok(Some(ranks));
        }
        before.extend(earlier);
        held.resize(before.len() * BEFORE_BYTES)?;
        limit = limit.saturating_mul(2);
    }
}

/// The first traces behind the page's begin by their spans there, without those of which it is
/// known that they come before it.
fn first(
    search: &Search<'_>,
    grant: &Grant,
    query: &TraceQuery,
    limit: usize,
    before: &HashSet<TraceId>,
) -> Result<Option<Vec<TraceRank>>, ReadError> {
    let max = query.after.map_or(u64::MAX, |after| after.start).min(query.start.max);
    let start = TimeRange { max, ..query.start };
    let mut held = grant.list();
    let mut candidates =
        Candidates::new(search.snapshot, &search.condition, search.is_gone, |block| {
            let is_within = block.min_start <= start.max && start.min <= block.max_start;
            is_within.then(|| place_of(block.max_start.min(start.max)))
        });
    held.resize(candidates.bytes())?;
    let found = Ranking::new(limit, query.after);
    let mut ranked = Ranked { start, before, found, held: grant.list() };
    let done = search.run(&mut candidates, &mut ranked)?;
    Ok(done.map(|()| ranked.found.into_ranks()))
}

/// A block's place by the latest start that matters. What comes first is less.
fn place_of(start: u64) -> u128 {
    (u64::MAX - start).into()
}

/// Traces that were found so far.
struct Ranked<'b, 'g> {
    start: TimeRange,
    before: &'b HashSet<TraceId>,
    found: Ranking,
    held: List<'g>,
}

impl Visit for Ranked<'_, '_> {
    fn may_enter(&self, place: u128) -> bool {
        self.found.may_enter(u64::MAX - place as u64)
    }

    fn rows<T: Rows<Error: std::fmt::Display>>(
        &mut self,
        _: Place,
        table: &T,
        matching: &Bitmap,
    ) -> Result<(), ReadError> {
        let told = table.for_each(matching, |_, rank| {
            if self.start.contains(rank.start) && !self.before.contains(&rank.trace_id) {
                self.found.add(rank);
            }
        });
        told.map_err(unavailable)?;
        self.held.resize(self.found.bytes())
    }
}
