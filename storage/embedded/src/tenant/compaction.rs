//! Merging neighbouring segments, so that a read has few of them to look into.
//!
//! Blocks are copied as they are, unless many of their traces lie in other blocks too, or they are
//! small: those are read, put together and encoded anew.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use xxhash_rust::xxh3::xxh3_64;

use super::{Shared, flush};
use crate::block::{BlockError, Encoder};
use crate::error::MaintenanceError;
use crate::manifest::FileName;
use crate::metrics::Work;
use crate::rows::{Rows, fragments};
use crate::segment::{Merge, NewSegment, Segment, SegmentInfo, SegmentWriter, SortedKeys};

/// How many segments become one.
const FANOUT: usize = 8;
/// The blocks whose spans are encoded anew at a time, about.
const BLOCKS_AT_A_TIME: u32 = 8;
/// What those take of memory, about.
const BYTES_AT_A_TIME: usize = 16 << 20;
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
    let info = match write(shared, inputs) {
        Err(error) if error.is_damage() => {
            tracing::error!(dir = shared.dir, %error, "segments are not merged: one is damaged");
            avoid(shared, inputs, &error);
            return Ok(true);
        }
        written => written?,
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

/// Leaves alone the segment that the error names; all of them if it names none.
fn avoid(shared: &Shared, inputs: &[Arc<Segment>], error: &MaintenanceError) {
    let numbers = || inputs.iter().map(|input| input.info().number);
    let text = error.to_string();
    let is_named = |number: &u64| {
        let path = FileName::Segment(*number).path_in(&shared.dir);
        text.split([' ', ':', ',']).any(|word| word == path)
    };
    let mut avoided = shared.avoided.lock().unwrap_or_else(PoisonError::into_inner);
    if numbers().any(|number| is_named(&number)) {
        avoided.extend(numbers().filter(is_named));
    } else {
        avoided.extend(numbers());
    }
}

/// Neighbours of one level, as many as become one.
pub(super) fn choose(segments: &[Arc<Segment>], shared: &Shared) -> Option<std::ops::Range<usize>> {
    let most = shared.options.disk_bytes / 16;
    let avoided = shared.avoided.lock().unwrap_or_else(PoisonError::into_inner);
    let is_avoided = |input: &Arc<Segment>| avoided.contains(&input.info().number);
    let levels: Vec<u32> = segments.iter().map(|segment| segment.info().level).collect();
    let candidates = (0..levels.len()).filter_map(|first| {
        let range = first..first + FANOUT;
        let alike = levels.get(range.clone())?.iter().all(|level| *level == levels[first]);
        let bytes: u64 = segments[range.clone()].iter().map(|input| input.info().bytes).sum();
        let fits = bytes <= most && shared.has_disk_for(bytes);
        let sound = !segments[range.clone()].iter().any(is_avoided);
        (alike && fits && sound).then_some(range)
    });
    candidates.min_by_key(|range| (levels[range.start], range.start))
}

fn write(shared: &Shared, inputs: &[Arc<Segment>]) -> Result<SegmentInfo, MaintenanceError> {
    let infos = || inputs.iter().map(|input| input.info());
    let new = NewSegment {
        number: shared.next_file(),
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
    let plan = Plan::of(inputs, block_spans / SMALL)?;
    for (input, copied) in inputs.iter().zip(&plan.copied) {
        let damaged = |error| tracing::warn!(%error, "a filter is damaged and passes everything");
        let filters = input.filters(copied, damaged)?;
        for (block, filter) in copied.iter().zip(filters) {
            writer.copy(input, *block, filter)?;
        }
    }
    join(inputs, plan, block_spans, &mut writer)?;
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
    fn of(inputs: &[Arc<Segment>], small: u32) -> Result<Self, MaintenanceError> {
        let mut parts = HashMap::<u64, u32>::new();
        let mut ids = Vec::new();
        for (segment, input) in inputs.iter().enumerate() {
            for block in 0..input.blocks().len() as u32 {
                let read = input.block(block)?.trace_ids();
                let hashes: Vec<_> = read
                    .map_err(|error| input.error_in(block, error))?
                    .iter()
                    .map(|id| xxh3_64(id))
                    .collect();
                for hash in &hashes {
                    *parts.entry(*hash).or_default() += 1;
                }
                ids.push((segment, block, hashes));
            }
        }
        parts.retain(|_, blocks| *blocks > 1);
        let mut copied = vec![Vec::new(); inputs.len()];
        let mut joined = Vec::new();
        for (segment, block, hashes) in ids {
            let index = &inputs[segment].blocks()[block as usize];
            // One that is full of a single trace stays as it is.
            let is_whole = index.traces == 1 && index.rows >= small;
            let split = hashes.iter().filter(|hash| parts.contains_key(*hash)).count();
            let is_split = split * SPLIT >= hashes.len();
            if is_whole || index.rows >= small && !is_split {
                copied[segment].push(block);
                for hash in hashes {
                    if let Some(blocks) = parts.get_mut(&hash) {
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

/// Reads blocks and writes their spans to new ones. A trace whose blocks were all read is written
/// whole; when too many wait for others, they are written as they are.
fn join(
    inputs: &[Arc<Segment>],
    plan: Plan,
    block_spans: u32,
    writer: &mut SegmentWriter<'_>,
) -> Result<(), MaintenanceError> {
    let Plan { joined, mut parts, .. } = plan;
    let mut encoder = Encoder::new()?;
    let mut rows = Rows::new();
    for (segment, block) in joined {
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
