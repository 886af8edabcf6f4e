//! The same as the crate tells, found without a thought of time.

use std::cmp::Reverse;

use traces::{Span, SpanKind, Trace};

/// By their start, each once.
pub fn without_copies(mut sent: Vec<Span>) -> Vec<Span> {
    sent.sort_by_key(|span| span.start);
    let mut kept: Vec<Span> = Vec::new();
    for span in sent {
        if !kept.contains(&span) {
            kept.push(span);
        }
    }
    kept
}

/// A row: place, depth, lines below, whether it is the last.
pub type Row = (usize, usize, usize, bool);

pub struct Oracle<'a> {
    spans: &'a [Span],
}

impl<'a> Oracle<'a> {
    pub fn new(trace: &'a Trace) -> Self {
        Self { spans: trace.spans() }
    }

    pub fn parent(&self, place: usize) -> Option<usize> {
        let wanted = &self.spans[place].parent_id;
        self.spans.iter().position(|span| span.id == *wanted && !wanted.is_empty())
    }

    pub fn caller(&self, place: usize) -> Option<usize> {
        let mut at = place;
        for _ in self.spans {
            at = self.parent(at)?;
            if self.spans[at].kind != SpanKind::Internal {
                return Some(at);
            }
        }
        None
    }

    /// Whether the way up comes back to where it began.
    fn is_in_circle(&self, place: usize) -> bool {
        let mut at = place;
        (0..self.spans.len()).any(|_| match self.parent(at) {
            Some(parent) => {
                at = parent;
                at == place
            }
            None => false,
        })
    }

    /// Roots, orphans, and the earliest of each circle.
    pub fn tops(&self) -> Vec<usize> {
        let all = || 0..self.spans.len();
        let is_root = |place: &usize| self.spans[*place].parent_id.is_empty();
        let mut tops: Vec<_> = all().filter(is_root).collect();
        tops.extend(all().filter(|place| !is_root(place) && self.parent(*place).is_none()));
        let mut round = vec![false; self.spans.len()];
        for place in all().filter(|place| self.is_in_circle(*place)) {
            if round[place] {
                continue;
            }
            tops.push(place);
            let mut at = place;
            while !std::mem::replace(&mut round[at], true) {
                at = self.parent(at).unwrap();
            }
        }
        tops
    }

    fn children(&self, place: usize, top: usize) -> Vec<usize> {
        let is_child = |child: &usize| self.parent(*child) == Some(place) && *child != top;
        (0..self.spans.len()).filter(is_child).collect()
    }

    pub fn rows(&self) -> Vec<Row> {
        let tops = self.tops();
        let mut rows = Vec::new();
        for (number, top) in tops.iter().enumerate() {
            self.add_rows(*top, *top, 0, number + 1 == tops.len(), &mut rows);
        }
        rows
    }

    fn add_rows(&self, top: usize, place: usize, depth: usize, last: bool, rows: &mut Vec<Row>) {
        let line = rows.len();
        rows.push((place, depth, 0, last));
        let children = self.children(place, top);
        for (number, child) in children.iter().enumerate() {
            self.add_rows(top, *child, depth + 1, number + 1 == children.len(), rows);
        }
        rows[line].2 = rows.len() - line - 1;
    }

    /// Place, start and end of each stretch.
    pub fn critical_path(&self) -> Vec<(usize, u64, u64)> {
        let Some(&top) = self.tops().first() else { return Vec::new() };
        let mut path = Vec::new();
        let Span { start, end, .. } = self.spans[top];
        self.fill(top, top, start, end.max(start), &mut path);
        path.reverse();
        path
    }

    /// From the end to the start: each child that ended last before where the way is.
    fn fill(
        &self,
        top: usize,
        place: usize,
        start: u64,
        end: u64,
        path: &mut Vec<(usize, u64, u64)>,
    ) {
        let clipped = |child: usize| {
            let span = &self.spans[child];
            (span.start.max(start), span.end.min(end), child)
        };
        let mut cursor = end;
        loop {
            let children = self.children(place, top).into_iter().map(clipped);
            let ended = children.filter(|(start, end, _)| start < end && *end <= cursor);
            let last = ended.max_by_key(|(start, end, child)| (*end, Reverse((*start, *child))));
            let from = last.map_or(start, |(_, end, _)| end);
            if from < cursor {
                path.push((place, from, cursor));
            }
            let Some((child_start, child_end, child)) = last else { return };
            self.fill(top, child, child_start, child_end, path);
            cursor = child_start;
        }
    }

    /// Each instant of the critical path at which a span with children has none that runs.
    pub fn idle(&self) -> Vec<(usize, u64)> {
        let Some(&top) = self.tops().first() else { return Vec::new() };
        let mut idle = Vec::new();
        for (place, start, end) in self.critical_path() {
            let children = self.children(place, top);
            let runs = |instant: u64| {
                let mut spans = children.iter().map(|child| &self.spans[*child]);
                spans.any(|span| span.start <= instant && instant < span.end)
            };
            if !children.is_empty() {
                idle.extend((start..end).filter(|it| !runs(*it)).map(|it| (place, it)));
            }
        }
        idle
    }
}
