//! Traces by id, wherever their spans are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use spoor_store::{ReadError, TraceId};
use tracing::info_span;

use super::unavailable;
use crate::bitmap::Bitmap;
use crate::block::entries::trace_entries;
use crate::block::{BlockError, Reader, SpanRows};
use crate::budget::{Grant, List};
use crate::rows::RebuildError;
use crate::segment::Segment;
use crate::stream::Stop;
use crate::tenant::{Head, Snapshot};

/// The traces that are looked for at a time.
const TRACES_AT_A_TIME: usize = 256;
/// The rows of blocks that are held at a time.
const ROWS_AT_A_TIME: usize = 4 << 10;
/// What the blocks take in their file of which rows are held at a time, unless it is one block.
/// In memory it is some times as much.
const BLOCK_BYTES_AT_A_TIME: u64 = 512 << 10;
/// What texts take of a working set.
pub(super) const TEXT_BYTES: usize = 1 << 20;

/// Where rows of a trace are: the segment, the block, and their numbers there.
type Place = (usize, u32, Range<u32>);

/// Rows that were read, by segment and block.
type Blocks = HashMap<(usize, u32), SpanRows>;

/// What is told of traces.
pub(super) trait Telling {
    /// Whether it takes whole spans, or only the fixed part of their rows.
    const WHOLE: bool;

    /// The next of the traces begins, whether or not it is there. May take long, for nobody waits
    /// meanwhile.
    fn begin(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    /// Tells of these rows of a block.
    fn block(&mut self, id: &TraceId, block: InBlock<'_>, rows: Range<u32>) -> Result<(), Stop>;

    /// Tells of the trace's rows among the first of a head.
    fn head(&mut self, id: &TraceId, head: &Head, rows: u32) -> Result<(), Stop>;
}

/// Rows that were read of a block.
#[derive(Clone, Copy)]
pub(super) struct InBlock<'b> {
    segment: &'b Segment,
    block: u32,
    pub(super) read: &'b SpanRows,
}

impl InBlock<'_> {
    /// A row that tells of what is not there, with the block's name.
    pub(super) fn error(&self, error: RebuildError) -> ReadError {
        unavailable(self.segment.error_in(self.block, BlockError::Row(error)))
    }
}

/// Tells of traces, one after the other. Those that are not there are left out.
pub(super) fn for_each_trace<T: Telling>(
    snapshot: &Snapshot,
    grant: &Grant,
    ids: &[TraceId],
    telling: &mut T,
) -> Result<(), Stop> {
    let _stage = info_span!("read traces", spoor.traces = ids.len() as i64).entered();
    let (mut held, mut texts) = (grant.list(), grant.list());
    for ids in ids.chunks(TRACES_AT_A_TIME) {
        let places = locate(&snapshot.segments, ids)?;
        held.resize(places.iter().map(|own| own.capacity() * size_of::<Place>()).sum())?;
        let mut done = 0;
        while done < ids.len() {
            let fitting = fitting(snapshot, &places[done..]);
            // What lies in one block is read from it at once.
            let some = &places[done..done + fitting];
            let blocks = read(snapshot, some, T::WHOLE, &mut texts)?;
            let some = done..done + fitting.max(1);
            done = some.end;
            for (id, places) in ids[some.clone()].iter().zip(&places[some]) {
                telling.begin()?;
                for (number, block, rows) in places {
                    let (segment, block) = (&*snapshot.segments[*number], *block);
                    match blocks.get(&(*number, block)) {
                        Some(read) => {
                            telling.block(id, InBlock { segment, block, read }, rows.clone())?;
                        }
                        None => {
                            let rows = rows.clone();
                            step_by_step(segment, block, rows, &mut texts, id, telling)?;
                        }
                    }
                }
                for (head, rows) in &snapshot.heads {
                    telling.head(id, head, *rows)?;
                }
            }
        }
    }
    Ok(())
}

/// Where each trace is: by segment, then block.
fn locate(segments: &[std::sync::Arc<Segment>], ids: &[TraceId]) -> Result<Vec<Vec<Place>>, Stop> {
    let mut places = vec![Vec::new(); ids.len()];
    for (number, segment) in segments.iter().enumerate() {
        for (block, wanted) in blocks_with(segment, &Bitmap::all(segment.blocks().len()), ids) {
            let reader = segment.block(block).map_err(unavailable)?;
            let named = |error| unavailable(segment.error_in(block, error));
            let traces = reader.trace_ids().map_err(named)?;
            let find = |index: &usize| {
                let id = ids[*index].as_bytes();
                Some((*index, traces.iter().position(|other| other == id)?))
            };
            let found: Vec<_> = wanted.iter().filter_map(find).collect();
            if found.is_empty() {
                continue;
            }
            let rows = reader.trace_rows().map_err(named)?;
            for (index, trace) in found {
                places[index].push((number, block, rows[trace].clone()));
            }
        }
    }
    Ok(places)
}

/// By block, of these blocks, the indices of the ids that it may have.
pub(super) fn blocks_with(
    segment: &Segment,
    within: &Bitmap,
    ids: &[TraceId],
) -> BTreeMap<u32, Vec<usize>> {
    let mut by_block = BTreeMap::<u32, Vec<usize>>::new();
    // The blocks of each id take a bit for each that there is.
    for (number, ids) in ids.chunks(TRACES_AT_A_TIME).enumerate() {
        let entries = ids.iter().map(trace_entries);
        let (first, second): (Vec<_>, Vec<_>) =
            entries.map(|[first, second]| (first, second)).unzip();
        let first = segment.candidates(&first, within).blocks;
        let mut within = Bitmap::none(within.len());
        first.iter().for_each(|blocks| within.unite(blocks));
        if within.is_empty() {
            continue;
        }
        let second = segment.candidates(&second, &within).blocks;
        let indices = number * TRACES_AT_A_TIME..;
        for (index, (mut blocks, second)) in indices.zip(first.into_iter().zip(second)) {
            blocks.intersect(&second);
            for block in blocks.iter() {
                by_block.entry(block as u32).or_default().push(index);
            }
        }
    }
    by_block
}

/// How many of the traces lie in no more rows and blocks together than may be held.
fn fitting(snapshot: &Snapshot, places: &[Vec<Place>]) -> usize {
    let (mut rows_held, mut bytes, mut blocks) = (0, 0, HashSet::new());
    let fit = |places: &&Vec<Place>| {
        for (segment, block, rows) in *places {
            rows_held += rows.len();
            if blocks.insert((*segment, *block)) {
                bytes += u64::from(snapshot.segments[*segment].blocks()[*block as usize].len);
            }
        }
        rows_held <= ROWS_AT_A_TIME && (bytes <= BLOCK_BYTES_AT_A_TIME || blocks.len() == 1)
    };
    places.iter().take_while(fit).count()
}

/// Reads the rows at these places.
fn read(
    snapshot: &Snapshot,
    places: &[Vec<Place>],
    whole: bool,
    texts: &mut List<'_>,
) -> Result<Blocks, ReadError> {
    let mut wanted = BTreeMap::<(usize, u32), Vec<Range<u32>>>::new();
    for (segment, block, rows) in places.iter().flatten() {
        wanted.entry((*segment, *block)).or_default().push(rows.clone());
    }
    let (mut blocks, mut bytes) = (Blocks::new(), 0);
    for ((segment, block), mut rows) in wanted {
        rows.sort_unstable_by_key(|rows| rows.start);
        let segment_of = &snapshot.segments[segment];
        let reader = segment_of.block(block).map_err(unavailable)?;
        let read = rows_of(&reader, rows.into_iter().flatten(), whole);
        let read = read.map_err(|error| unavailable(segment_of.error_in(block, error)))?;
        bytes += read.text_bytes();
        texts.resize_to_fit(bytes.saturating_sub(TEXT_BYTES))?;
        blocks.insert((segment, block), read);
    }
    Ok(blocks)
}

/// Tells of a trace that is too large for its rows to be held at a time.
fn step_by_step<T: Telling>(
    segment: &Segment,
    block: u32,
    rows: Range<u32>,
    texts: &mut List<'_>,
    id: &TraceId,
    telling: &mut T,
) -> Result<(), Stop> {
    let reader = segment.block(block).map_err(unavailable)?;
    for first in rows.clone().step_by(ROWS_AT_A_TIME) {
        let some = first..rows.end.min(first + ROWS_AT_A_TIME as u32);
        let read = rows_of(&reader, some.clone(), T::WHOLE);
        let read = read.map_err(|error| unavailable(segment.error_in(block, error)))?;
        texts.resize_to_fit(read.text_bytes().saturating_sub(TEXT_BYTES))?;
        telling.block(id, InBlock { segment, block, read: &read }, some)?;
    }
    Ok(())
}

fn rows_of(
    reader: &Reader,
    rows: impl IntoIterator<Item = u32>,
    whole: bool,
) -> Result<SpanRows, BlockError> {
    if whole { reader.span_rows(rows) } else { reader.fixed_rows(rows) }
}
