//! A trace in the order in which it is read: each span below its parent.

use crate::span::Span;
use crate::trace::Trace;

/// One line of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// The span of the line.
    pub span: &'a Span,
    /// How many spans are above it, 0 for one that nothing is above.
    pub depth: usize,
    /// How many lines below belong to it.
    pub below: usize,
    /// Whether it is the last one below its parent, or the last that nothing is above.
    pub last: bool,
}

impl Trace {
    /// Every span once: below roots first, then below orphans, then those whose parents go round in
    /// a circle.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let spans = self.spans();
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(spans.len());
        // Of each depth the line that may still get some below it.
        let mut open: Vec<usize> = Vec::new();
        for &top in self.tops() {
            // Not by calls of itself: a trace may be deeper than a stack.
            let mut waiting = vec![(top, 0)];
            while let Some((place, depth)) = waiting.pop() {
                close(&mut open, depth, &mut rows);
                open.push(rows.len());
                rows.push(Row { span: &spans[place], depth, below: 0, last: false });
                let below = self.places_below(place, top).rev();
                waiting.extend(below.map(|child| (child, depth + 1)));
            }
        }
        close(&mut open, 0, &mut rows);
        for line in 0..rows.len() {
            let Row { depth, below, .. } = rows[line];
            rows[line].last = rows.get(line + below + 1).is_none_or(|next| next.depth < depth);
        }
        rows
    }
}

/// The lines of this depth and deeper have got all that is below them.
fn close(open: &mut Vec<usize>, depth: usize, rows: &mut [Row<'_>]) {
    let count = rows.len();
    for line in open.drain(depth..) {
        rows[line].below = count - line - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::tests::span;

    /// Id, depth, below and last of each line.
    fn lines(trace: &Trace) -> Vec<(&str, usize, usize, bool)> {
        let rows = trace.rows().into_iter();
        rows.map(|row| (row.span.id.as_str(), row.depth, row.below, row.last)).collect()
    }

    #[test]
    fn each_span_stands_below_its_parent_and_siblings_by_their_start() {
        let trace = Trace::of(vec![
            span("a", "", 0, 9),
            span("c", "a", 5, 6),
            span("b", "a", 1, 4),
            span("d", "b", 2, 3),
            span("e", "", 1, 2),
        ]);
        assert_eq!(
            lines(&trace),
            [
                ("a", 0, 3, false),
                ("b", 1, 1, false),
                ("d", 2, 0, true),
                ("c", 1, 0, true),
                ("e", 0, 0, true),
            ]
        );
    }

    #[test]
    fn orphans_come_after_roots_and_circles_after_both() {
        let trace = Trace::of(vec![
            span("x", "y", 0, 9),
            span("y", "x", 1, 9),
            span("o", "lost", 2, 9),
            span("p", "o", 3, 9),
            span("r", "", 4, 9),
        ]);
        assert_eq!(
            lines(&trace),
            [
                ("r", 0, 0, false),
                ("o", 0, 1, false),
                ("p", 1, 0, true),
                ("x", 0, 1, true),
                ("y", 1, 0, true),
            ]
        );
    }

    #[test]
    fn the_last_child_is_the_last_although_its_parent_is_its_own() {
        let trace = Trace::of(vec![span("b", "a", 0, 9), span("a", "a", 1, 9)]);
        assert_eq!(lines(&trace), [("a", 0, 1, true), ("b", 1, 0, true)]);
    }

    #[test]
    fn of_spans_that_share_an_id_the_first_has_what_is_below() {
        let trace = Trace::of(vec![span("a", "", 0, 9), span("a", "", 1, 9), span("b", "a", 2, 9)]);
        assert_eq!(lines(&trace), [("a", 0, 1, false), ("b", 1, 0, true), ("a", 0, 0, true)]);
    }

    #[test]
    fn an_empty_trace_has_no_line() {
        assert_eq!(Trace::default().rows(), []);
    }
}
