//! Merging neighbouring segments, so that a read has few of them to look into.
//!
//! Blocks are copied as they are, unless many of their traces lie in other blocks too, or they are
//! small: those are read, put together and encoded anew.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use xxhash_rust::xxh3::xxh3_64;

use super::view::View;
use super::{Shared, flush};
use crate::block::{BlockError, Encoder};
use crate::error::MaintenanceError;
use crate::manifest::FileName;
use crate::metrics::Work;
use crate::rows::{Rows, fragments};
use crate::segment::{Merge, NewSegment, Segment, SegmentInfo, SegmentWriter, SortedKeys};

/// How many segments become one, and how many at least if so many are beyond the limits below.
const FANOUT: usize = 8;
const LEAST_FANOUT: usize = 2;
/// The part of the disk's limit that a segment which is to be merged takes at most: segments are
/// deleted as a whole.
const PART_OF_DISK: u64 = 16;
/// The part of the retention that lies between the arrivals of a segment's first and last spans at
/// most: the first ones are deleted with the last.
const PART_OF_RETENTION: u32 = 8;
/// The blocks and traces of segments that become one, at most. While they do, the filters of the
/// blocks are in memory, about 28 KiB each, and twice 8 bytes of every trace.
const MOST_BLOCKS: u64 = 1024;
const MOST_TRACES: u64 = 1 << 20;
/// The blocks whose spans are encoded anew at a time, about.
const BLOCKS_AT_A_TIME: u32 = 8;
/// What those take of memory, about.
const BYTES_AT_A_TIME: usize = 16 << 20;
/// For how many pauses after a failure a segment that cannot be read is not merged. Most damage
/// stays, and every attempt reads and writes up to it.
const AVOIDED: u32 = 60;
/// A block with fewer spans than this part of a full one is joined with others.
const SMALL: u32 = 4;
/// So is one of whose traces at least this part lie in other blocks, too. Most traces that are
/// split were so where one head was frozen and the next begun; nearly every block has a few. To
/// join those, too, would encode more than twice as many anew, and save few reads.
const SPLIT: usize = 4;

/// Merges some segments, if there are any to be merged. Tells whether there were.
pub(super) fn compact(shared: &Shared) -> Result<bool, MaintenanceError> {
    let view = shared.view();
    let Some(chosen) = choose(&view.segments, shared) else { return Ok(false) };
    let inputs = &view.segments[chosen];
    let since = Instant::now();
    let _reserved = shared.reserve(inputs.iter().map(|input| input.info().bytes).sum());
    let is_there = |view: &View| {
        let is_in_view =
            |input: &Arc<Segment>| view.segments.iter().any(|it| Arc::ptr_eq(it, input));
        inputs.iter().all(is_in_view)
    };
    let Some(number) = shared.number_of_next(is_there) else { return Ok(true) };
    let info = match write(shared, inputs, number) {
        Ok(info) => info,
        Err(MaintenanceError::Stopped) => return Ok(false),
        Err(error) => {
            let unreadable = unreadable(inputs, &error);
            if unreadable.is_empty() {
                return Err(error);
            }
            tracing::error!(dir = shared.dir, %error, "segments are not merged: one is unreadable");
            let now = Instant::now();
            let until = now + AVOIDED * shared.options.retry;
            let mut avoided = shared.avoided.lock().unwrap_or_else(PoisonError::into_inner);
            avoided.retain(|_, until| *until > now);
            avoided.extend(unreadable.into_iter().map(|number| (number, until)));
            return Ok(true);
        }
    };
    let disk = shared.disk.as_ref();
    let merged = flush::open_written(shared, &info)?;

    let mut ledger = shared.ledger();
    let is_input = |number: u64| inputs.iter().any(|input| input.info().number == number);
    let mut manifest = ledger.manifest().clone();
    let first = manifest.segments.iter().position(|segment| is_input(segment.number));
    let left = manifest.segments.iter().filter(|segment| is_input(segment.number)).count();
    let Some(first) = first.filter(|_| left == inputs.len()) else {
        // Some were forgotten meanwhile.
        ledger.discard(disk, FileName::Segment(info.number));
        return Ok(true);
    };
    manifest.segments.retain(|segment| !is_input(segment.number));
    let bytes = info.bytes;
    manifest.segments.insert(first, info);
    manifest.next_file = shared.next_file();
    let files: Vec<_> = inputs.iter().map(|input| FileName::Segment(input.info().number)).collect();
    ledger.replace(disk, manifest, files)?;
    shared.publish(|view| {
        let first = view.segments.iter().position(|segment| is_input(segment.info().number));
        view.segments.retain(|segment| !is_input(segment.info().number));
        view.segments.insert(first.unwrap_or_default(), merged);
    });
    shared.metrics.made(Work::Compaction, since.elapsed(), bytes);
    Ok(true)
}

/// The numbers of the segments that cannot be read, so that another attempt would likely end
/// alike: the one that the error names, or all if it is damage without a name.
fn unreadable(inputs: &[Arc<Segment>], error: &MaintenanceError) -> Vec<u64> {
    let numbers = |is: &dyn Fn(&Segment) -> bool| {
        let unreadable = inputs.iter().filter(|input| is(input));
        unreadable.map(|input| input.info().number).collect()
    };
    match error {
        MaintenanceError::Segment(error) => numbers(&|input| input.path() == error.path()),
        error if error.is_damage() => numbers(&|_| true),
        _ => Vec::new(),
    }
}

/// The segments to be merged next, if the disk's limit has room for what they become.
pub(super) fn choose(segments: &[Arc<Segment>], shared: &Shared) -> Option<Range<usize>> {
    due(segments, shared)
        .filter(|range| shared.has_disk_for_file(bytes_of(&segments[range.clone()])))
}

/// What a merge that is due writes.
pub(super) fn due_bytes(segments: &[Arc<Segment>], shared: &Shared) -> u64 {
    due(segments, shared).map_or(0, |range| bytes_of(&segments[range]))
}

fn bytes_of(segments: &[Arc<Segment>]) -> u64 {
    segments.iter().map(|segment| segment.info().bytes).sum()
}

/// The first neighbours of the lowest level of which there are as many as become one: all of them,
/// or as many as fit.
fn due(segments: &[Arc<Segment>], shared: &Shared) -> Option<Range<usize>> {
    let avoided = shared.avoided.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let is_avoided =
        |input: &Arc<Segment>| avoided.get(&input.info().number).is_some_and(|until| *until > now);
    let fits = |range: Range<usize>| {
        let inputs = &segments[range.clone()];
        (is_merge_within_limits(inputs, shared) && !inputs.iter().any(is_avoided)).then_some(range)
    };
    let level = |segment: &Arc<Segment>| segment.info().level;
    let candidates = (0..segments.len()).filter_map(|first| {
        let neighbours = segments.get(first..first + FANOUT)?;
        let alike = neighbours.iter().all(|other| level(other) == level(&neighbours[0]));
        let mut lens = (LEAST_FANOUT..=FANOUT).rev().filter(|_| alike);
        lens.find_map(|len| fits(first..first + len))
    });
    candidates.min_by_key(|range| (level(&segments[range.start]), range.start))
}

fn is_merge_within_limits(inputs: &[Arc<Segment>], shared: &Shared) -> bool {
    let infos = || inputs.iter().map(|input| input.info());
    let first_arrival = infos().map(|info| info.arrival_min).min().unwrap_or_default();
    let last_arrival = infos().map(|info| info.arrival_max).max().unwrap_or_default();
    bytes_of(inputs) <= shared.options.disk_bytes / PART_OF_DISK
        && infos().map(|info| u64::from(info.blocks)).sum::<u64>() <= MOST_BLOCKS
        && infos().map(|info| info.traces).sum::<u64>() <= MOST_TRACES
        && u128::from(last_arrival.saturating_sub(first_arrival))
            <= shared.options.retention.as_nanos() / u128::from(PART_OF_RETENTION)
}

fn write(
    shared: &Shared,
    inputs: &[Arc<Segment>],
    number: u64,
) -> Result<SegmentInfo, MaintenanceError> {
    let infos = || inputs.iter().map(|input| input.info());
    let new = NewSegment {
        number,
        level: infos().map(|info| info.level).max().unwrap_or_default() + 1,
        arrival_min: infos().map(|info| info.arrival_min).min().unwrap_or_default(),
        arrival_max: infos().map(|info| info.arrival_max).max().unwrap_or_default(),
    };
    flush::write_new(shared, new, |writer| write_merged(shared, inputs, writer))
}

fn write_merged(
    shared: &Shared,
    inputs: &[Arc<Segment>],
    mut writer: SegmentWriter<'_>,
) -> Result<SegmentInfo, MaintenanceError> {
    let block_spans = shared.options.block_spans;
    // Whoever closes the store does not wait for all of it.
    let go_on = || if shared.room.is_stopped() { Err(MaintenanceError::Stopped) } else { Ok(()) };
    let plan = Plan::of(inputs, block_spans / SMALL, &go_on)?;
    for (input, copied) in inputs.iter().zip(&plan.copied) {
        let damaged = |error| tracing::warn!(%error, "a filter is damaged and passes everything");
        let filters = input.filters(copied, damaged)?;
        for (block, filter) in copied.iter().zip(filters.iter()) {
            go_on()?;
            writer.copy(input, *block, filter)?;
        }
    }
    join(inputs, plan, block_spans, &mut writer, &go_on)?;
    let operations = inputs.iter().map(|input| Ok(Box::new(input.operations()?) as _));
    let attributes = inputs.iter().map(|input| Ok(Box::new(input.attributes()?) as _));
    let operations: Vec<Box<dyn SortedKeys>> =
        operations.collect::<Result<_, MaintenanceError>>()?;
    let attributes: Vec<Box<dyn SortedKeys>> =
        attributes.collect::<Result<_, MaintenanceError>>()?;
    Ok(writer.finish(&mut Merge::new(operations)?, &mut Merge::new(attributes)?)?)
}

/// Which blocks are copied, and which are read.
struct Plan {
    /// By segment.
    copied: Vec<Vec<u32>>,
    /// Segment and block, those that start first in front.
    joined: Vec<(usize, u32)>,
    /// In how many blocks yet to be read a trace is, by the hash of its id, if in several.
    parts: HashMap<u64, u32>,
}

impl Plan {
    fn of(
        inputs: &[Arc<Segment>],
        small: u32,
        go_on: &dyn Fn() -> Result<(), MaintenanceError>,
    ) -> Result<Self, MaintenanceError> {
        let (mut hashes, mut ends) = (Vec::new(), Vec::new());
        for (segment, input) in inputs.iter().enumerate() {
            for block in 0..input.blocks().len() as u32 {
                go_on()?;
                let read = input.block(block)?.trace_ids();
                let ids = read.map_err(|error| input.error_in(block, error))?;
                hashes.extend(ids.iter().map(|id| xxh3_64(id)));
                ends.push((segment, block, hashes.len()));
            }
        }
        let mut parts = parts_of_split(hashes.clone());
        let mut copied = vec![Vec::new(); inputs.len()];
        let mut joined = Vec::new();
        let mut start = 0;
        for (segment, block, end) in ends {
            let hashes = &hashes[std::mem::replace(&mut start, end)..end];
            let index = &inputs[segment].blocks()[block as usize];
            // One that is full of a single trace stays as it is.
            let is_whole = index.traces == 1 && index.rows >= small;
            let split = hashes.iter().filter(|hash| parts.contains_key(*hash)).count();
            let is_split = split * SPLIT >= hashes.len();
            let is_as_written_today = inputs[segment].has_all_entries();
            if is_as_written_today && (is_whole || index.rows >= small && !is_split) {
                copied[segment].push(block);
                for hash in hashes {
                    if let Some(blocks) = parts.get_mut(hash) {
                        *blocks -= 1;
                    }
                }
            } else {
                joined.push((index.min_start, segment, block));
            }
        }
        joined.sort_unstable();
        let joined = joined.into_iter().map(|(_, segment, block)| (segment, block)).collect();
        Ok(Self { copied, joined, parts })
    }
}

/// Those that are there several times, and how often.
fn parts_of_split(mut hashes: Vec<u64>) -> HashMap<u64, u32> {
    hashes.sort_unstable();
    let equal = hashes.chunk_by(|a, b| a == b).filter(|equal| equal.len() > 1);
    equal.map(|equal| (equal[0], equal.len() as u32)).collect()
}

/// Reads blocks and writes their spans to new ones. A trace whose blocks were all read is written
/// whole; when too many wait for others, they are written as they are.
fn join(
    inputs: &[Arc<Segment>],
    plan: Plan,
    block_spans: u32,
    writer: &mut SegmentWriter<'_>,
    go_on: &dyn Fn() -> Result<(), MaintenanceError>,
) -> Result<(), MaintenanceError> {
    let Plan { joined, mut parts, .. } = plan;
    let mut encoder = Encoder::new()?;
    let mut rows = Rows::new();
    for (segment, block) in joined {
        go_on()?;
        let input = &inputs[segment];
        let in_block = |error| input.error_in(block, error);
        let reader = input.block(block)?;
        for id in reader.trace_ids().map_err(in_block)? {
            if let Some(blocks) = parts.get_mut(&xxh3_64(&id)) {
                *blocks -= 1;
            }
        }
        let read = reader.span_rows(0..reader.rows()).map_err(in_block)?;
        for fragment in fragments(&read, read.numbers()) {
            let fragment = fragment.map_err(|error| in_block(BlockError::Row(error)))?;
            rows.append_traces_data(&fragment)?;
        }
        if rows.len() >= BLOCKS_AT_A_TIME * block_spans || rows.bytes() >= BYTES_AT_A_TIME {
            let waits = |hash: u64| parts.get(&hash).is_some_and(|blocks| *blocks > 0);
            rows = write_finished(&rows, waits, block_spans, &mut encoder, writer)?;
        }
    }
    flush::write_blocks(&rows, block_spans, &mut encoder, writer)
}

/// Writes the traces that wait for nothing, and gives back the others, unless they are too many.
fn write_finished(
    rows: &Rows,
    waits: impl Fn(u64) -> bool,
    block_spans: u32,
    encoder: &mut Encoder,
    writer: &mut SegmentWriter<'_>,
) -> Result<Rows, MaintenanceError> {
    let mut waiting = Rows::new();
    let (kept, finished): (Vec<u32>, Vec<u32>) =
        (0..rows.traces()).partition(|trace| waits(xxh3_64(rows.trace_id(*trace).as_bytes())));
    let kept_rows: usize = kept.iter().map(|trace| rows.rows_of(*trace).count()).sum();
    let kept_bytes = rows.bytes() / rows.len().max(1) as usize * kept_rows;
    if kept_rows >= (BLOCKS_AT_A_TIME * block_spans) as usize / 2
        || kept_bytes >= BYTES_AT_A_TIME / 2
    {
        flush::write_blocks(rows, block_spans, encoder, writer)?;
        return Ok(waiting);
    }
    flush::write_traces(rows, finished, block_spans, encoder, writer)?;
    for trace in kept {
        for fragment in fragments(rows, rows.rows_of(trace)) {
            waiting.append_traces_data(&fragment.map_err(BlockError::Row)?)?;
        }
    }
    Ok(waiting)
}
