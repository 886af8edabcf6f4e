//! What rows tell of traces, parents and times.

use hashbrown::HashMap;

use super::parents;
use crate::rows::{Rows, SpanRow};

/// A trace of more spans than this looks for parents in a map.
const FEW_SPANS: usize = 32;

/// What there is by trace.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    pub(crate) ids: Vec<[u8; 16]>,
    pub(crate) spans: Vec<u32>,
    /// The earliest starts, as differences to that of the trace before.
    pub(crate) starts: Vec<i64>,
}

/// What there is by row.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    /// The row of the parent, or [`parents::NONE`].
    pub(crate) parents: Vec<u32>,
    /// The start, as the difference to that of the parent or the earliest of the trace.
    pub(crate) starts: Vec<i64>,
}

/// Between what the times of rows lie.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    pub(crate) min_start: u64,
    pub(crate) max_start: u64,
    pub(crate) min_duration: i128,
    pub(crate) max_duration: i128,
}

/// What these spans tell, which stand trace by trace.
pub(crate) fn relate(rows: &Rows, spans: &[&SpanRow]) -> (Traces, Relations) {
    let mut traces = Traces::default();
    let mut parents = vec![parents::NONE; spans.len()];
    let mut earliest = Vec::with_capacity(spans.len());
    let mut before = 0_u64;
    for own in spans.chunk_by(|a, b| a.trace == b.trace) {
        let first = earliest.len();
        let start = own.iter().map(|span| span.start).min().unwrap_or_default();
        traces.ids.push(*rows.trace_id(own[0].trace).as_bytes());
        traces.spans.push(own.len() as u32);
        traces.starts.push(start.wrapping_sub(before).cast_signed());
        find_parents(own, first as u32, &mut parents[first..first + own.len()]);
        earliest.resize(first + own.len(), start);
        before = start;
    }
    let start_of = |row: u32| spans[row as usize].start;
    let mut starts = vec![0; spans.len()];
    parents::for_each_after_parent(&parents, |row, parent| {
        let base = parent.map_or(earliest[row as usize], start_of);
        starts[row as usize] = start_of(row).wrapping_sub(base).cast_signed();
    });
    (traces, Relations { parents, starts })
}

/// Finds the row of each span's parent: the first span of the trace with its id. The trace's rows
/// begin with `first`.
fn find_parents(spans: &[&SpanRow], first: u32, parents: &mut [u32]) {
    if spans.len() <= FEW_SPANS {
        let mut ids = [[0; 8]; FEW_SPANS];
        let ids = &mut ids[..spans.len()];
        ids.iter_mut().zip(spans).for_each(|(id, span)| *id = span.span_id);
        for (span, parent) in spans.iter().zip(parents) {
            // A parent that is not there is zero, which no span's id is.
            let found = ids.iter().position(|id| *id == span.parent_id);
            *parent = found.map_or(parents::NONE, |found| first + found as u32);
        }
        return;
    }
    let mut rows = HashMap::with_capacity(spans.len());
    for (row, span) in (first..).zip(spans) {
        rows.entry(span.span_id).or_insert(row);
    }
    for (span, parent) in spans.iter().zip(parents) {
        *parent = rows.get(&span.parent_id).copied().unwrap_or(parents::NONE);
    }
}

impl Extent {
    pub(crate) fn of(spans: &[&SpanRow]) -> Self {
        let duration = |span: &SpanRow| i128::from(span.end) - i128::from(span.start);
        let Some(first) = spans.first() else { return Self::default() };
        let first = Self {
            min_start: first.start,
            max_start: first.start,
            min_duration: duration(first),
            max_duration: duration(first),
        };
        spans.iter().fold(first, |extent, span| Self {
            min_start: extent.min_start.min(span.start),
            max_start: extent.max_start.max(span.start),
            min_duration: extent.min_duration.min(duration(span)),
            max_duration: extent.max_duration.max(duration(span)),
        })
    }
}
