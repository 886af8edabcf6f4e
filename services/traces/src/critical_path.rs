//! Where the time of a trace went.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::span::Span;
use crate::trace::Trace;

/// Some time of one span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch<'a> {
    /// Whose time it is.
    pub span: &'a Span,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
}

impl Stretch<'_> {
    /// Nanoseconds.
    pub fn duration(&self) -> u64 {
        self.end - self.start
    }
}

impl Trace {
    /// The stretches, one after the other, that make the [first](Trace::first) span last as long as
    /// it does.
    ///
    /// Read backwards from the end of a span, the time belongs to the child that ended last; then,
    /// from where that one began, to the child that had ended last by then, and so on, and so
    /// within each child. What is left is the span's own. So of children that ran beside each other
    /// only the one that was waited for counts, and a child counts for the time that it shares with
    /// its parent: what goes on after that held nobody up. Of those that ended together it is the
    /// one that began first. The stretches fill the span without gaps or overlaps. The rule is that
    /// of [CRISP](https://www.usenix.org/conference/atc22/presentation/zhang-zhizhou).
    pub fn critical_path(&self) -> Vec<Stretch<'_>> {
        let spans = self.spans();
        let path = self.path().into_iter();
        path.map(|(place, Time { start, end })| Stretch { span: &spans[place], start, end })
            .collect()
    }

    /// Of the critical path, the time in which a span that has others below it did not wait for any
    /// of them and none of them ran: time that no span explains. Each gap lasts at least this share
    /// of the whole, from 0 to 1.
    pub fn gaps(&self, share: f64) -> Vec<Stretch<'_>> {
        let spans = self.spans();
        let whole = self.first().map_or(0, Span::duration) as f64;
        let least = ((whole * share).ceil() as u64).max(1);
        let top = self.tops().first().copied().unwrap_or_default();
        let mut gaps = Vec::new();
        // Of each span with others below, those by their start, and until when the ones before ran:
        // each is looked at once, since the path only goes forward.
        let mut below = HashMap::new();
        for (place, time) in self.path() {
            if self.places_below(place, top).next().is_none() {
                continue;
            }
            let (children, busy) = below.entry(place).or_insert_with(|| {
                let took_time = |child: &usize| spans[*child].duration() > 0;
                (self.places_below(place, top).filter(took_time).peekable(), 0)
            });
            let mut add = |start: u64, end: u64| {
                if end.saturating_sub(start) >= least {
                    gaps.push(Stretch { span: &spans[place], start, end });
                }
            };
            while let Some(child) = children.next_if(|child| spans[*child].start < time.end) {
                add(time.start.max(*busy), spans[child].start);
                *busy = spans[child].end.max(*busy);
            }
            add(time.start.max(*busy), time.end);
        }
        gaps
    }

    /// The critical path with the places of the spans.
    fn path(&self) -> Vec<(usize, Time)> {
        let Some(&top) = self.tops().first() else { return Vec::new() };
        let mut path = Vec::new();
        let mut add = |place: usize, start: u64, end: u64| {
            if start < end {
                path.push((place, Time { start, end }));
            }
        };
        let whole = &self.spans()[top];
        let time = Time { start: whole.start, end: whole.end.max(whole.start) };
        // Not by calls of itself: a trace may be deeper than a stack.
        let mut way = vec![Visit::new(self, top, top, time)];
        let mut cursor = time.end;
        while let Some(visit) = way.last_mut() {
            match visit.last_before(cursor) {
                Some((child, time)) => {
                    add(visit.place, time.end, cursor);
                    cursor = time.end;
                    way.push(Visit::new(self, top, child, time));
                }
                None => {
                    add(visit.place, visit.start, cursor);
                    cursor = visit.start;
                    way.pop();
                }
            }
        }
        path.reverse();
        path
    }
}

/// From when to when.
#[derive(Clone, Copy)]
struct Time {
    start: u64,
    end: u64,
}

/// A span on the way down, and which of its children are still to be looked at.
struct Visit {
    place: usize,
    /// From when on it counts.
    start: u64,
    /// Its children with the time that they share with it, the one that ends last at the end.
    children: Vec<(usize, Time)>,
}

impl Visit {
    fn new(trace: &Trace, top: usize, place: usize, Time { start, end }: Time) -> Self {
        let shared = |child: usize| {
            let span = &trace.spans()[child];
            let shared = Time { start: span.start.max(start), end: span.end.min(end) };
            (shared.start < shared.end).then_some((child, shared))
        };
        let mut children: Vec<_> = trace.places_below(place, top).filter_map(shared).collect();
        children.sort_by_key(|(child, time)| (time.end, Reverse((time.start, *child))));
        Self { place, start, children }
    }

    /// The child that ended last, but not after `cursor`. One that ended later does so at any later
    /// time, too: the cursor only goes back.
    fn last_before(&mut self, cursor: u64) -> Option<(usize, Time)> {
        while let Some(child) = self.children.pop() {
            if child.1.end <= cursor {
                return Some(child);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::tests::span;

    fn told<'a>(stretches: &[Stretch<'a>]) -> Vec<(&'a str, u64, u64)> {
        stretches.iter().map(|it| (it.span.id.as_str(), it.start, it.end)).collect()
    }

    fn path(spans: Vec<Span>) -> Vec<(String, u64, u64)> {
        let trace = Trace::of(spans);
        let path = told(&trace.critical_path());
        path.into_iter().map(|(id, start, end)| (id.to_owned(), start, end)).collect()
    }

    fn gaps(share: f64, spans: Vec<Span>) -> Vec<(String, u64, u64)> {
        let trace = Trace::of(spans);
        let gaps = told(&trace.gaps(share));
        gaps.into_iter().map(|(id, start, end)| (id.to_owned(), start, end)).collect()
    }

    fn at(id: &str, start: u64, end: u64) -> (String, u64, u64) {
        (id.to_owned(), start, end)
    }

    #[test]
    fn calls_one_after_the_other_are_all_on_the_path_with_what_is_between() {
        let spans = vec![span("a", "", 0, 100), span("b", "a", 10, 40), span("c", "a", 50, 90)];
        let expected =
            [at("a", 0, 10), at("b", 10, 40), at("a", 40, 50), at("c", 50, 90), at("a", 90, 100)];
        assert_eq!(path(spans), expected);
    }

    #[test]
    fn of_calls_at_the_same_time_the_one_that_ended_last_is_on_the_path() {
        let spans = vec![span("a", "", 0, 100), span("b", "a", 10, 80), span("c", "a", 10, 90)];
        assert_eq!(path(spans), [at("a", 0, 10), at("c", 10, 90), at("a", 90, 100)]);
    }

    #[test]
    fn of_calls_that_ended_together_the_one_that_began_first_is_on_the_path() {
        let spans = vec![span("a", "", 0, 9), span("b", "a", 1, 9), span("c", "a", 2, 9)];
        assert_eq!(path(spans), [at("a", 0, 1), at("b", 1, 9)]);
    }

    #[test]
    fn a_call_that_began_while_another_ran_waited_for_its_caller_alone() {
        let spans = vec![span("a", "", 0, 100), span("b", "a", 0, 95), span("c", "a", 90, 100)];
        assert_eq!(path(spans), [at("a", 0, 90), at("c", 90, 100)]);
    }

    #[test]
    fn a_child_counts_only_while_its_parent_runs() {
        let spans = vec![
            span("a", "", 10, 20),
            span("b", "a", 5, 12),
            span("c", "a", 15, 99),
            span("d", "c", 30, 40),
        ];
        assert_eq!(path(spans), [at("b", 10, 12), at("a", 12, 15), at("c", 15, 20)]);
    }

    #[test]
    fn the_way_goes_down_through_every_depth() {
        let spans = vec![span("a", "", 0, 9), span("b", "a", 1, 8), span("c", "b", 2, 7)];
        let expected = [at("a", 0, 1), at("b", 1, 2), at("c", 2, 7), at("b", 7, 8), at("a", 8, 9)];
        assert_eq!(path(spans), expected);
    }

    #[test]
    fn what_took_no_time_is_not_on_the_path() {
        let spans = vec![span("a", "", 0, 9), span("b", "a", 4, 4), span("c", "a", 6, 2)];
        assert_eq!(path(spans), [at("a", 0, 9)]);
        assert_eq!(path(vec![span("a", "", 9, 2), span("b", "a", 9, 12)]), []);
        assert_eq!(path(Vec::new()), []);
    }

    #[test]
    fn the_path_goes_round_no_circle_twice() {
        let spans = vec![span("a", "b", 0, 9), span("b", "a", 1, 8)];
        assert_eq!(path(spans), [at("a", 0, 1), at("b", 1, 8), at("a", 8, 9)]);
        assert_eq!(path(vec![span("a", "a", 0, 9)]), [at("a", 0, 9)]);
    }

    #[test]
    fn the_path_is_that_of_the_root_and_not_of_what_is_beside_it() {
        let spans = vec![span("lost", "?", 0, 50), span("a", "", 1, 9)];
        assert_eq!(path(spans), [at("a", 1, 9)]);
    }

    #[test]
    fn a_gap_is_time_in_which_nothing_below_ran() {
        let spans = vec![span("a", "", 0, 100), span("b", "a", 10, 40), span("c", "a", 60, 95)];
        assert_eq!(gaps(0.0, spans.clone()), [at("a", 0, 10), at("a", 40, 60), at("a", 95, 100)]);
        assert_eq!(gaps(0.1, spans.clone()), [at("a", 0, 10), at("a", 40, 60)]);
        assert_eq!(gaps(0.2, spans.clone()), [at("a", 40, 60)]);
        assert_eq!(gaps(0.21, spans), []);
    }

    #[test]
    fn what_a_call_that_was_not_waited_for_explains_is_no_gap() {
        let spans = vec![span("a", "", 0, 100), span("b", "a", 20, 70), span("c", "a", 60, 100)];
        assert_eq!(path(spans.clone()), [at("a", 0, 60), at("c", 60, 100)]);
        assert_eq!(gaps(0.0, spans), [at("a", 0, 20)]);
    }

    #[test]
    fn a_span_with_nothing_below_it_has_no_gap_and_one_with_an_instant_below_it_is_one() {
        assert_eq!(gaps(0.0, vec![span("a", "", 0, 9)]), []);
        assert_eq!(gaps(0.0, vec![span("a", "a", 0, 9)]), []);
        assert_eq!(gaps(0.0, Vec::new()), []);
        let spans = vec![span("a", "", 0, 9), span("b", "a", 5, 5), span("c", "a", 7, 3)];
        assert_eq!(gaps(0.0, spans), [at("a", 0, 9)]);
    }
}
