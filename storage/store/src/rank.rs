use std::cmp::Ordering;

use crate::otlp::Span;
use crate::{SpanId, TraceId};

/// Where a trace stands in the order of a search. What comes first is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceRank {
    /// The latest start of its matching spans, nanoseconds since the Unix epoch. Later ones come
    /// first.
    pub start: u64,
    /// The trace's id. Lesser ones come first.
    pub trace_id: TraceId,
}

impl Ord for TraceRank {
    fn cmp(&self, other: &Self) -> Ordering {
        other.start.cmp(&self.start).then(self.trace_id.cmp(&other.trace_id))
    }
}

impl PartialOrd for TraceRank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What spans can be ordered by. Spans that are alike in all of it are one to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanKey {
    /// When the span starts, nanoseconds since the Unix epoch.
    pub start: u64,
    /// End minus start in nanoseconds; negative when the span ends before it starts.
    pub duration: i128,
    /// The trace's id.
    pub trace_id: TraceId,
    /// The span's id.
    pub span_id: SpanId,
}

impl SpanKey {
    /// That of a span; none if an id is one that no store takes.
    pub fn of(span: &Span<'_>) -> Option<Self> {
        Some(Self {
            start: span.start,
            duration: span.duration(),
            trace_id: TraceId::from_slice(span.trace_id)?,
            span_id: SpanId::from_slice(span.span_id)?,
        })
    }
}

/// What an order compares first, second and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortField {
    /// The start.
    StartTime,
    /// The duration.
    Duration,
    /// The trace's id.
    TraceId,
    /// The span's id.
    SpanId,
}

/// One comparison of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SortBy {
    /// What is compared.
    pub field: SortField,
    /// Whether the greatest come first.
    pub descending: bool,
}

/// An order of spans in which no two differ and stand at the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanOrder([SortBy; 4]);

/// Where a span stands in an order. What comes first is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanPosition([u128; 4]);

/// The latest first, then the least ids (RFC 0016, section 6). The duration tells spans apart that
/// were sent twice under the same ids.
const DEFAULT: [SortBy; 4] = [
    SortBy { field: SortField::StartTime, descending: true },
    SortBy { field: SortField::TraceId, descending: false },
    SortBy { field: SortField::SpanId, descending: false },
    SortBy { field: SortField::Duration, descending: true },
];

impl Default for SpanOrder {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl SpanOrder {
    /// These comparisons, and behind them those of the default order whose fields they lack. None
    /// if a field stands twice.
    pub fn new(first: &[SortBy]) -> Option<Self> {
        let mut all = first.to_vec();
        let has = |all: &[SortBy], field| all.iter().any(|by| by.field == field);
        if (0..first.len()).any(|place| has(&first[..place], first[place].field)) {
            return None;
        }
        all.extend(DEFAULT.into_iter().filter(|by| !has(first, by.field)));
        all.try_into().ok().map(Self)
    }

    /// Where a span stands.
    pub fn position(&self, key: &SpanKey) -> SpanPosition {
        SpanPosition(self.0.map(|by| {
            by.ordinal(match by.field {
                SortField::StartTime => key.start.into(),
                SortField::Duration => duration_ordinal(key.duration),
                SortField::TraceId => u128::from_be_bytes(*key.trace_id.as_bytes()),
                SortField::SpanId => u64::from_be_bytes(*key.span_id.as_bytes()).into(),
            })
        }))
    }

    /// Between which positions, as far as the first comparison tells, spans stand whose starts and
    /// durations lie between these.
    pub fn extent(&self, starts: [u64; 2], durations: [i128; 2]) -> [u128; 2] {
        let by = self.0[0];
        let mut extent = match by.field {
            SortField::StartTime => starts.map(u128::from),
            SortField::Duration => durations.map(duration_ordinal),
            SortField::TraceId | SortField::SpanId => [0, u128::MAX],
        }
        .map(|value| by.ordinal(value));
        extent.sort_unstable();
        extent
    }
}

impl SpanPosition {
    /// What the first comparison tells of it.
    pub fn first(&self) -> u128 {
        self.0[0]
    }
}

impl SortBy {
    fn ordinal(self, value: u128) -> u128 {
        if self.descending { !value } else { value }
    }
}

/// A number that is greater for a longer duration.
fn duration_ordinal(duration: i128) -> u128 {
    duration.cast_unsigned() ^ (1 << 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(start: u64, duration: i128, trace: u8, span: u8) -> SpanKey {
        let trace_id = TraceId::from_slice(&[trace; 16]).unwrap();
        SpanKey { start, duration, trace_id, span_id: SpanId::from_slice(&[span; 8]).unwrap() }
    }

    fn by(field: SortField, descending: bool) -> SortBy {
        SortBy { field, descending }
    }

    #[test]
    fn the_latest_come_first_unless_something_else_is_asked_for() {
        let sorted = [key(2, 0, 1, 1), key(1, 0, 1, 9), key(1, 9, 2, 1), key(1, 5, 2, 2)];
        let order = SpanOrder::default();
        assert!(sorted.is_sorted_by_key(|key| order.position(key)));
        assert_eq!(SpanOrder::new(&[]), Some(order));
    }

    #[test]
    fn each_field_sorts_both_ways_and_a_missing_one_as_by_default() {
        let all = [
            key(1, -5, 2, 3),
            key(1, 5, 2, 3),
            key(1, i128::from(u64::MAX), 1, 4),
            key(u64::MAX, -i128::from(u64::MAX), 255, 1),
        ];
        for field in
            [SortField::StartTime, SortField::Duration, SortField::TraceId, SortField::SpanId]
        {
            let value = |key: &SpanKey| match field {
                SortField::StartTime => i128::from(key.start),
                SortField::Duration => key.duration,
                SortField::TraceId => key.trace_id.as_bytes()[0].into(),
                SortField::SpanId => key.span_id.as_bytes()[0].into(),
            };
            for descending in [false, true] {
                let order = SpanOrder::new(&[by(field, descending)]).unwrap();
                for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
                    let given = value(a).cmp(&value(b));
                    let given = if descending { given.reverse() } else { given };
                    let default = SpanOrder::default();
                    let then = default.position(a).cmp(&default.position(b));
                    assert_eq!(order.position(a).cmp(&order.position(b)), given.then(then));
                }
                let (starts, durations) = ([1, u64::MAX], [all[3].duration, all[2].duration]);
                let [first, last] = order.extent(starts, durations);
                let within = |key: &SpanKey| (first..=last).contains(&order.position(key).first());
                assert!(all.iter().all(within));
            }
        }
    }

    #[test]
    fn a_field_stands_once() {
        let twice = [by(SortField::Duration, true), by(SortField::Duration, false)];
        assert_eq!(SpanOrder::new(&twice), None);
        let unlike = [twice[0], by(SortField::SpanId, true), twice[1]];
        assert_eq!(SpanOrder::new(&unlike), None);
    }

    #[test]
    fn traces_that_matched_last_come_first() {
        let rank = |start, id| TraceRank { start, trace_id: key(0, 0, id, 1).trace_id };
        assert!([rank(9, 9), rank(8, 1), rank(8, 2)].is_sorted());
    }
}
