//! What a search has found so far, best first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spoor_store::{SpanKey, SpanPosition, SpanQuery, TraceId, TraceRank};

/// The first traces behind a place in the order of the store's contract.
#[derive(Debug)]
pub(crate) struct Ranking {
    limit: usize,
    after: Option<TraceRank>,
    starts: HashMap<TraceId, u64>,
    ranks: BTreeSet<TraceRank>,
}

impl Ranking {
    pub(crate) fn new(limit: usize, after: Option<TraceRank>) -> Self {
        Self { limit, after, starts: HashMap::new(), ranks: BTreeSet::new() }
    }

    /// Adds a trace by the start of a matching span.
    pub(crate) fn add(&mut self, rank: TraceRank) {
        let TraceRank { start, trace_id } = rank;
        if !self.may_enter(start) || self.after.is_some_and(|after| rank <= after) {
            return;
        }
        match self.starts.insert(trace_id, start) {
            Some(before) if before >= start => {
                self.starts.insert(trace_id, before);
                return;
            }
            Some(before) => {
                self.ranks.remove(&TraceRank { start: before, trace_id });
            }
            None => {}
        }
        self.ranks.insert(rank);
        if self.ranks.len() > self.limit
            && let Some(last) = self.ranks.pop_last()
        {
            self.starts.remove(&last.trace_id);
        }
    }

    /// Whether a span that starts then could change anything.
    pub(crate) fn may_enter(&self, start: u64) -> bool {
        self.ranks.len() < self.limit || self.ranks.last().is_none_or(|last| start >= last.start)
    }

    /// What it takes of memory, about: the tables are never full.
    pub(crate) fn bytes(&self) -> usize {
        self.ranks.len() * 2 * (size_of::<TraceRank>() + size_of::<(TraceId, u64)>())
    }

    /// The traces, best first.
    pub(crate) fn into_ranks(self) -> Vec<TraceRank> {
        self.ranks.into_iter().collect()
    }
}

/// The first spans behind a place in the order of a query, each with where it is.
#[derive(Debug)]
pub(crate) struct SpanRanking<'q, P> {
    query: &'q SpanQuery,
    after: Option<SpanPosition>,
    first: BTreeMap<SpanPosition, (SpanKey, P)>,
}

impl<'q, P> SpanRanking<'q, P> {
    pub(crate) fn new(query: &'q SpanQuery) -> Self {
        let after = query.after.map(|after| query.order.position(&after));
        Self { query, after, first: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, key: SpanKey, place: P) {
        let position = self.query.order.position(&key);
        let is_full = self.first.len() >= self.query.limit;
        let last = self.first.last_key_value().map(|(last, _)| *last);
        if self.after.is_some_and(|after| position <= after)
            || is_full && last.is_some_and(|last| position >= last)
        {
            return;
        }
        self.first.entry(position).or_insert((key, place));
        if self.first.len() > self.query.limit {
            self.first.pop_last();
        }
    }

    /// Whether a span could change anything of whose position the first comparison tells this.
    pub(crate) fn may_enter(&self, first: u128) -> bool {
        let last = self.first.last_key_value().map(|(last, _)| last.first());
        self.first.len() < self.query.limit || last.is_none_or(|last| first <= last)
    }

    /// What it takes of memory, about: the tables are never full.
    pub(crate) fn bytes(&self) -> usize {
        self.first.len() * 2 * size_of::<(SpanPosition, (SpanKey, P))>()
    }

    /// The spans, best first.
    pub(crate) fn into_spans(self) -> Vec<(SpanKey, P)> {
        self.first.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(number: u8, start: u64) -> TraceRank {
        TraceRank { start, trace_id: TraceId::from_slice(&[number; 16]).unwrap() }
    }

    fn ranked(ranking: Ranking) -> Vec<(u8, u64)> {
        let ranks = ranking.into_ranks().into_iter();
        ranks.map(|rank| (rank.trace_id.as_bytes()[0], rank.start)).collect()
    }

    #[test]
    fn the_latest_start_of_a_trace_ranks_it_and_ids_break_ties() {
        let mut ranking = Ranking::new(3, None);
        for (number, start) in [(1, 10), (2, 30), (3, 20), (1, 25), (2, 5), (4, 25), (5, 1)] {
            ranking.add(rank(number, start));
        }
        assert_eq!(ranked(ranking), [(2, 30), (1, 25), (4, 25)]);
    }

    #[test]
    fn what_cannot_enter_any_more_is_told() {
        let mut ranking = Ranking::new(1, None);
        assert!(ranking.may_enter(0));
        ranking.add(rank(2, 10));
        assert!(!ranking.may_enter(9));
        // The same start with a lesser id would come first.
        assert!(ranking.may_enter(10));
        ranking.add(rank(1, 10));
        assert_eq!(ranked(ranking), [(1, 10)]);
    }

    #[test]
    fn what_is_not_behind_the_place_is_left_out() {
        let mut ranking = Ranking::new(9, Some(rank(5, 10)));
        for (number, start) in [(1, 11), (5, 10), (4, 10), (6, 10), (1, 9)] {
            ranking.add(rank(number, start));
        }
        assert_eq!(ranked(ranking), [(6, 10), (1, 9)]);
    }
}
