//! All of a trace, wherever its spans are.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use bytes::Bytes;
use spoor_store::TraceId;

use super::{STEP, unavailable};
use crate::bitmap::Bitmap;
use crate::block::entries::trace_entries;
use crate::block::{BlockError, SpanRows};
use crate::rows::traces_data;
use crate::segment::Segment;
use crate::stream::Stop;
use crate::tenant::{Head, Snapshot};

/// The traces that are looked for at a time.
const TRACES_AT_A_TIME: usize = 256;
/// The rows of blocks that are held at a time, unless they are of one block.
const ROWS_AT_A_TIME: usize = 16 << 10;

/// Where rows of a trace are: the segment, the block, and their numbers there.
type Place = (usize, u32, Range<u32>);

/// Rows that were read, by segment and block.
type Blocks = HashMap<(usize, u32), SpanRows>;

/// Tells the spans of traces, one trace after the other, as
/// encoded `TracesData` below [`spoor_store::CHUNK_BYTES`] or of a single span. Traces that are
/// not there are left out.
pub(crate) fn for_each_fragment(
    snapshot: &Snapshot,
    ids: &[TraceId],
    mut tell: impl FnMut(TraceId, Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    for ids in ids.chunks(TRACES_AT_A_TIME) {
        let places = locate(&snapshot.segments, ids)?;
        let mut done = 0;
        while done < ids.len() {
            let some = done..done + fitting(&places[done..]);
            done = some.end;
            // What lies in one block is read from it at once.
            let blocks = read(snapshot, &places[some.clone()])?;
            for (id, places) in ids[some.clone()].iter().zip(&places[some]) {
                for place in places {
                    in_block(snapshot, place, &blocks, |data| tell(*id, data))?;
                }
                for (head, rows) in &snapshot.heads {
                    in_head(head, *rows, id, |data| tell(*id, data))?;
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

/// How many of the traces have no more rows together than may be held; of some, at least one.
fn fitting(places: &[Vec<Place>]) -> usize {
    let rows = |places: &Vec<Place>| places.iter().map(|(_, _, rows)| rows.len()).sum::<usize>();
    let mut held = 0;
    let fit = |places: &&Vec<Place>| {
        held += rows(places);
        held <= ROWS_AT_A_TIME
    };
    places.iter().take_while(fit).count().max(1)
}

/// Reads the rows at these places, unless they are of a single trace that is too large.
fn read(snapshot: &Snapshot, places: &[Vec<Place>]) -> Result<Blocks, Stop> {
    let mut wanted = BTreeMap::<(usize, u32), Vec<Range<u32>>>::new();
    for (segment, block, rows) in places.iter().flatten() {
        wanted.entry((*segment, *block)).or_default().push(rows.clone());
    }
    let mut blocks = Blocks::new();
    let total: usize = wanted.values().flatten().map(ExactSizeIterator::len).sum();
    if total > ROWS_AT_A_TIME {
        return Ok(blocks);
    }
    for ((segment, block), mut rows) in wanted {
        rows.sort_unstable_by_key(|rows| rows.start);
        let segment_of = &snapshot.segments[segment];
        let reader = segment_of.block(block).map_err(unavailable)?;
        let rows = reader.span_rows(rows.into_iter().flatten());
        let rows = rows.map_err(|error| unavailable(segment_of.error_in(block, error)))?;
        blocks.insert((segment, block), rows);
    }
    Ok(blocks)
}

fn in_block(
    snapshot: &Snapshot,
    (segment, block, rows): &Place,
    blocks: &Blocks,
    tell: impl FnMut(Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let segment_of = &snapshot.segments[*segment];
    let named = |error| unavailable(segment_of.error_in(*block, error));
    let read;
    let source = match blocks.get(&(*segment, *block)) {
        Some(source) => source,
        None => {
            let reader = segment_of.block(*block).map_err(unavailable)?;
            read = reader.span_rows(rows.clone()).map_err(named)?;
            &read
        }
    };
    let fragments = traces_data(source, rows.clone());
    let fragments = fragments.map_err(|error| named(BlockError::Row(error)))?;
    fragments.into_iter().try_for_each(tell)
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
        let fragments = {
            let guard = head.rows();
            let mut own = guard.rows_from(first).take_while(|row| *row < rows);
            let some: Vec<u32> = own.by_ref().take(STEP as usize).collect();
            next = own.next();
            traces_data(&*guard, some).map_err(unavailable)?
        };
        fragments.into_iter().try_for_each(&mut tell)?;
    }
    Ok(())
}
