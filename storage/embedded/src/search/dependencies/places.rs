use spoor_store::ReadError;
use spoor_store::trace::CallSpan;
use xxhash_rust::xxh3::xxh3_64;

use super::super::{STEP, unavailable};
use crate::budget::{Grant, List};
use crate::rows::Rows;
use crate::segment::Segment;
use crate::tenant::{Head, Snapshot};

/// Where spans are: a block is a place of its traces, and so are some rows of a head.
pub(super) struct Places<'s> {
    snapshot: &'s Snapshot,
    /// The earliest start, the segment and the block. In this order the places of a trace come
    /// soon after each other, wherever late spans and compaction put them.
    blocks: Vec<(u64, u32, u32)>,
    _held: List<'s>,
    is_gone: &'s dyn Fn() -> bool,
}

impl<'s> Places<'s> {
    /// All places. Once `is_gone` tells that nobody waits for an answer, nothing more is told.
    pub(super) fn new(
        snapshot: &'s Snapshot,
        grant: &'s Grant,
        is_gone: &'s dyn Fn() -> bool,
    ) -> Result<Self, ReadError> {
        let mut blocks = Vec::new();
        for (number, segment) in (0..).zip(&snapshot.segments) {
            let starts = segment.blocks().iter().map(|index| index.min_start);
            blocks.extend(starts.zip(0..).map(|(start, block)| (start, number, block)));
        }
        blocks.sort_unstable();
        let mut held = grant.list();
        held.resize(blocks.capacity() * size_of::<(u64, u32, u32)>())?;
        Ok(Self { snapshot, blocks, _held: held, is_gone })
    }

    /// How many traces there are, those in several places counted in each, about.
    pub(super) fn traces(&self) -> u64 {
        let Snapshot { segments, heads, .. } = self.snapshot;
        let in_segments: u64 = segments.iter().map(|segment| segment.info().traces).sum();
        let in_heads: u64 = heads.iter().map(|(head, _)| u64::from(head.rows().traces())).sum();
        in_segments + in_heads
    }

    /// Tells the hash of each trace's id for each place that it has.
    pub(super) fn for_each_hash(&self, mut tell: impl FnMut(u64)) -> Result<(), ReadError> {
        for (segment, block) in self.blocks() {
            let reader = segment.block(block).map_err(unavailable)?;
            let ids = reader.trace_ids();
            let ids = ids.map_err(|error| unavailable(segment.error_in(block, error)))?;
            ids.iter().for_each(|id| tell(xxh3_64(id)));
        }
        for (head, rows) in self.heads() {
            for_each_in_head(head, rows, |guard, first, hash| {
                let count = own_rows(guard, first, rows).count();
                (0..count.div_ceil(STEP as usize)).for_each(|_| tell(hash));
            });
        }
        Ok(())
    }

    /// Tells the calls of traces place by place. `wanted` gives those that are to be told, by the
    /// hashes of their ids, a name.
    pub(super) fn for_each_calls<T: Copy>(
        &self,
        wanted: impl Fn(u64) -> Option<T>,
        mut tell: impl FnMut(T, &[CallSpan<'_>]) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        for (segment, block) in self.blocks() {
            let reader = segment.block(block).map_err(unavailable)?;
            let named = |error| unavailable(segment.error_in(block, error));
            let ids = reader.trace_ids().map_err(named)?;
            let ids = ids.iter().enumerate();
            let wanted = ids.filter_map(|(trace, id)| Some((wanted(xxh3_64(id))?, trace)));
            let wanted: Vec<_> = wanted.collect();
            if wanted.is_empty() {
                continue;
            }
            let (calls, origins) = reader.calls().map_err(named)?;
            let rows = reader.trace_rows().map_err(named)?;
            for (name, trace) in wanted {
                let calls = &calls[rows[trace].start as usize..rows[trace].end as usize];
                let spans = calls.iter().map(|call| CallSpan {
                    id: call.id,
                    parent: call.parent,
                    start: call.start,
                    service: &origins[call.origin as usize].service,
                });
                tell(name, &spans.collect::<Vec<_>>())?;
            }
        }
        for (head, rows) in self.heads() {
            let mut told = Ok(());
            for_each_in_head(head, rows, |guard, first, hash| {
                let Some(name) = wanted(hash).filter(|_| told.is_ok()) else { return };
                let mut spans = own_rows(guard, first, rows).map(|row| call_of(guard, row));
                loop {
                    let some: Vec<_> = spans.by_ref().take(STEP as usize).collect();
                    if some.is_empty() || told.is_err() {
                        break;
                    }
                    told = tell(name, &some);
                }
            });
            told?;
        }
        Ok(())
    }

    fn blocks(&self) -> impl Iterator<Item = (&Segment, u32)> {
        let blocks = self.blocks.iter().take_while(|_| !(self.is_gone)());
        blocks.map(|(_, segment, block)| (&*self.snapshot.segments[*segment as usize], *block))
    }

    fn heads(&self) -> impl Iterator<Item = (&Head, u32)> {
        let heads = self.snapshot.heads.iter().take_while(|_| !(self.is_gone)());
        heads.map(|(head, rows)| (&**head, *rows))
    }
}

/// Tells the first row of each trace among these rows, and its id's hash.
fn for_each_in_head(head: &Head, rows: u32, mut tell: impl FnMut(&Rows, u32, u64)) {
    let traces = head.rows().traces();
    for from in (0..traces).step_by(STEP as usize) {
        let guard = head.rows();
        for trace in from..traces.min(from + STEP) {
            if let Some(first) = guard.rows_of(trace).next().filter(|row| *row < rows) {
                tell(&guard, first, xxh3_64(guard.trace_id(trace).as_bytes()));
            }
        }
    }
}

/// A row and those of its trace behind it, among these rows.
fn own_rows(guard: &Rows, first: u32, rows: u32) -> impl Iterator<Item = u32> {
    guard.rows_from(first).take_while(move |row| *row < rows)
}

fn call_of(guard: &Rows, row: u32) -> CallSpan<'_> {
    let span = guard.span(row);
    CallSpan {
        id: span.span_id,
        parent: Some(span.parent_id).filter(|id| *id != [0; 8]),
        start: span.start,
        service: &guard.origin(span.origin).service,
    }
}
