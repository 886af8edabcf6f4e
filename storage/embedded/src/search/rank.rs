//! The traces that a search has found so far, best first.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use spoor_store::TraceId;

/// The first `limit` traces in the order of the store's contract: the latest matching start first,
/// then the least id.
#[derive(Debug)]
pub(crate) struct Ranking {
    limit: usize,
    starts: HashMap<TraceId, u64>,
    // The last of them in front.
    ranks: BTreeSet<Rank>,
}

/// Greater ranks come first.
type Rank = (u64, Reverse<TraceId>);

impl Ranking {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, starts: HashMap::new(), ranks: BTreeSet::new() }
    }

    /// Adds a matching span of a trace, by its start.
    pub(crate) fn add(&mut self, id: TraceId, start: u64) {
        if !self.may_enter(start) {
            return;
        }
        match self.starts.insert(id, start) {
            Some(before) if before >= start => {
                self.starts.insert(id, before);
                return;
            }
            Some(before) => {
                self.ranks.remove(&(before, Reverse(id)));
            }
            None => {}
        }
        self.ranks.insert((start, Reverse(id)));
        if self.ranks.len() > self.limit
            && let Some((_, Reverse(last))) = self.ranks.pop_first()
        {
            self.starts.remove(&last);
        }
    }

    /// Whether a span that starts then could change anything.
    pub(crate) fn may_enter(&self, start: u64) -> bool {
        self.ranks.len() < self.limit || self.ranks.first().is_none_or(|(last, _)| start >= *last)
    }

    /// What it takes of memory, about: the tables are never full.
    pub(crate) fn bytes(&self) -> usize {
        self.ranks.len() * 2 * (size_of::<Rank>() + size_of::<(TraceId, u64)>())
    }

    /// The traces, best first.
    pub(crate) fn into_ids(self) -> Vec<TraceId> {
        self.ranks.into_iter().rev().map(|(_, Reverse(id))| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> TraceId {
        TraceId::from_slice(&[number; 16]).unwrap()
    }

    #[test]
    fn the_latest_start_of_a_trace_ranks_it_and_ids_break_ties() {
        let mut ranking = Ranking::new(3);
        for (number, start) in [(1, 10), (2, 30), (3, 20), (1, 25), (2, 5), (4, 25), (5, 1)] {
            ranking.add(id(number), start);
        }
        assert_eq!(ranking.into_ids(), [id(2), id(1), id(4)]);
    }

    #[test]
    fn what_cannot_enter_any_more_is_told() {
        let mut ranking = Ranking::new(1);
        assert!(ranking.may_enter(0));
        ranking.add(id(2), 10);
        assert!(!ranking.may_enter(9));
        // The same start with a lesser id would come first.
        assert!(ranking.may_enter(10));
        ranking.add(id(1), 10);
        assert_eq!(ranking.into_ids(), [id(1)]);
    }
}
