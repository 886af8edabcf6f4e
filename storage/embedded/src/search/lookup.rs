//! All of a trace, wherever its spans are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use bytes::Bytes;
use spoor_store::{ReadError, TraceId};

use super::unavailable;
use crate::bitmap::Bitmap;
use crate::block::entries::trace_entries;
use crate::block::{BlockError, SpanRows};
use crate::budget::{Grant, List};
use crate::rows::{FRAGMENT_BYTES, fragments, next_fragment};
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
const TEXT_BYTES: usize = 1 << 20;

/// Where rows of a trace are: the segment, the block, and their numbers there.
type Place = (usize, u32, Range<u32>);

/// Rows that were read, by segment and block.
type Blocks = HashMap<(usize, u32), SpanRows>;

/// Tells the spans of traces, one trace after the other, as encoded `TracesData` below
/// [`FRAGMENT_BYTES`] or of a single span. Traces that are not there are left out.
pub(crate) fn for_each_fragment(
    snapshot: &Snapshot,
    grant: &Grant,
    ids: &[TraceId],
    mut tell: impl FnMut(TraceId, Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let (mut held, mut texts, mut large) = (grant.list(), grant.list(), grant.list());
    for ids in ids.chunks(TRACES_AT_A_TIME) {
        let places = locate(&snapshot.segments, ids)?;
        held.resize(places.iter().map(|own| own.capacity() * size_of::<Place>()).sum())?;
        let mut done = 0;
        while done < ids.len() {
            let fitting = fitting(snapshot, &places[done..]);
            // What lies in one block is read from it at once.
            let blocks = read(snapshot, &places[done..done + fitting], &mut texts)?;
            let some = done..done + fitting.max(1);
            done = some.end;
            for (id, places) in ids[some.clone()].iter().zip(&places[some]) {
                let mut tell = |data: Bytes| {
                    large.resize_to_fit(data.len().saturating_sub(FRAGMENT_BYTES))?;
                    tell(*id, data)
                };
                for (segment, block, rows) in places {
                    let segment_of = &snapshot.segments[*segment];
                    match blocks.get(&(*segment, *block)) {
                        Some(read) => {
                            tell_rows(segment_of, *block, read, rows.clone(), &mut tell)?;
                        }
                        None => in_block(segment_of, *block, rows.clone(), &mut texts, &mut tell)?,
                    }
                }
                for (head, rows) in &snapshot.heads {
                    in_head(head, *rows, id, &mut tell)?;
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
        for (block, wanted) in candidates(segment, ids) {
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

/// By block, the indices of the ids that it may have.
fn candidates(segment: &Segment, ids: &[TraceId]) -> BTreeMap<u32, Vec<usize>> {
    let entries = ids.iter().map(trace_entries);
    let (first, second): (Vec<_>, Vec<_>) = entries.map(|[first, second]| (first, second)).unzip();
    let mut within = Bitmap::all(segment.blocks().len());
    let first = segment.candidates(&first, &within).blocks;
    within = Bitmap::none(segment.blocks().len());
    first.iter().for_each(|blocks| within.unite(blocks));
    let mut by_block = BTreeMap::<u32, Vec<usize>>::new();
    if within.is_empty() {
        return by_block;
    }
    let second = segment.candidates(&second, &within).blocks;
    for (index, (mut blocks, second)) in first.into_iter().zip(second).enumerate() {
        blocks.intersect(&second);
        for block in blocks.iter() {
            by_block.entry(block as u32).or_default().push(index);
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
        let read = reader.span_rows(rows.into_iter().flatten());
        let read = read.map_err(|error| unavailable(segment_of.error_in(block, error)))?;
        bytes += read.text_bytes();
        texts.resize_to_fit(bytes.saturating_sub(TEXT_BYTES))?;
        blocks.insert((segment, block), read);
    }
    Ok(blocks)
}

/// Tells the spans of a trace that is too large for its rows to be held at a time.
fn in_block(
    segment: &Segment,
    block: u32,
    rows: Range<u32>,
    texts: &mut List<'_>,
    tell: &mut impl FnMut(Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let reader = segment.block(block).map_err(unavailable)?;
    for first in rows.clone().step_by(ROWS_AT_A_TIME) {
        let some = first..rows.end.min(first + ROWS_AT_A_TIME as u32);
        let read = reader.span_rows(some.clone());
        let read = read.map_err(|error| unavailable(segment.error_in(block, error)))?;
        texts.resize_to_fit(read.text_bytes().saturating_sub(TEXT_BYTES))?;
        tell_rows(segment, block, &read, some, &mut *tell)?;
    }
    Ok(())
}

fn tell_rows(
    segment: &Segment,
    block: u32,
    read: &SpanRows,
    rows: Range<u32>,
    mut tell: impl FnMut(Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    for fragment in fragments(read, rows) {
        let in_block = |error| unavailable(segment.error_in(block, BlockError::Row(error)));
        tell(fragment.map_err(in_block)?)?;
    }
    Ok(())
}

fn in_head(
    head: &Head,
    rows: u32,
    id: &TraceId,
    mut tell: impl FnMut(Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut next = {
        let guard = head.rows();
        guard.trace(id).and_then(|trace| guard.rows_of(trace).next())
    };
    while let Some(first) = next.filter(|row| *row < rows) {
        let fragment = {
            let guard = head.rows();
            let mut own = guard.rows_from(first).take_while(|row| *row < rows).peekable();
            let fragment = next_fragment(&*guard, &mut own).map_err(unavailable)?;
            next = own.next();
            fragment
        };
        fragment.map_or(Ok(()), &mut tell)?;
    }
    Ok(())
}
