//! The calls between services.
//!
//! To count a trace's calls, all of its spans must be known. So the ids of all traces are read
//! first, to know which lie in several places; then the calls, and what such a trace has in one
//! place is held until its last one was read. That is twice, however much there is: the ids are
//! read more often if there are too many to be sorted at once, and calls if too many wait.

mod joined;
mod places;
mod split;
#[cfg(test)]
mod tests;

use spoor_store::trace::{CallSpan, DependencyCounts};
use spoor_store::{Dependency, ReadError, TimeRange};
use tracing::info_span;

use crate::budget::{Grant, List};
use crate::tenant::Snapshot;
use joined::Joined;
use places::Places;
use split::Split;

/// What a pair of services takes besides the bytes of their names, about.
const AROUND_PAIR: usize = 256;

/// Counts the calls. Without a caller it ends early, and what it gives means nothing.
pub(crate) fn dependencies(
    snapshot: &Snapshot,
    grant: &Grant,
    range: TimeRange,
    is_gone: impl Fn() -> bool,
) -> Result<Vec<Dependency>, ReadError> {
    let _stage = info_span!("count calls").entered();
    // Two fifths of the memory are for the ids that are sorted at once, then for spans that wait.
    // Beside each of them, what is known of split traces takes no more than as much.
    within(snapshot, grant, grant.most() / 5 * 2, range, &is_gone)
}

fn within(
    snapshot: &Snapshot,
    grant: &Grant,
    most: usize,
    range: TimeRange,
    is_gone: &dyn Fn() -> bool,
) -> Result<Vec<Dependency>, ReadError> {
    let counts = DependencyCounts::default();
    let mut counting = Counting { grant, most, range, counts, held: grant.list() };
    let places = Places::new(snapshot, grant, is_gone)?;
    let parts = places.traces().div_ceil((most / size_of::<u64>()) as u64).max(1);
    // Ascending, so that what is found part by part is sorted.
    let part_of = |hash: u64| ((u128::from(hash) * u128::from(parts)) >> 64) as u64;
    let mut next = 0;
    while next < parts {
        let first = next;
        let mut split = Split::new(grant);
        while next < parts && split.bytes() <= most / 4 {
            split.find(&places, parts, |hash| part_of(hash) == next)?;
            next += 1;
        }
        counting.count(&places, split, |hash| (first..next).contains(&part_of(hash)))?;
    }
    Ok(counting.counts.into_sorted())
}

struct Counting<'g> {
    grant: &'g Grant,
    /// The bytes that spans may wait in.
    most: usize,
    range: TimeRange,
    counts: DependencyCounts,
    /// What the counts take.
    held: List<'g>,
}

impl Counting<'_> {
    /// Counts the wanted traces, of which these are split.
    fn count(
        &mut self,
        places: &Places<'_>,
        mut split: Split<'_>,
        is_wanted: impl Fn(u64) -> bool,
    ) -> Result<(), ReadError> {
        let mut is_first = true;
        loop {
            let mut joined = Joined::new(&split, self.grant, self.most);
            let number = |hash| is_wanted(hash).then(|| split.number(hash));
            let number = |hash| number(hash).filter(|number| is_first || number.is_some());
            places.for_each_calls(number, |number, spans| match number {
                Some(number) => joined.add(number, spans, self),
                None => self.add(spans, |span| *span),
            })?;
            let postponed = joined.into_postponed();
            if postponed.is_empty() {
                return Ok(());
            }
            split.keep(&postponed)?;
            is_first = false;
        }
    }

    /// Counts the calls of a trace.
    fn add<'a, T>(
        &mut self,
        spans: &'a [T],
        call: impl Fn(&'a T) -> CallSpan<'a>,
    ) -> Result<(), ReadError> {
        let before = self.counts.pairs();
        self.counts.add(spans, call, self.range);
        if self.counts.pairs() == before {
            return Ok(());
        }
        self.held.resize(self.counts.pairs() * AROUND_PAIR + self.counts.name_bytes())
    }
}
