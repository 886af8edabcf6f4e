//! Writing a frozen head to a segment.

use std::sync::Arc;
use std::time::Instant;

use super::view::View;
use super::{Head, Shared, catalogue};
use crate::block::Encoder;
use crate::error::MaintenanceError;
use crate::manifest::{FileName, ManifestError};
use crate::metrics::Work;
use crate::rows::Rows;
use crate::segment::{Catalogue, NewSegment, Segment, SegmentInfo, SegmentWriter};

/// What a block's spans take in memory, about, when they are large.
const BLOCK_BYTES: usize = 4 << 20;

/// Writes a frozen head to a segment, which takes its place in one step.
pub(super) fn flush(shared: &Shared, head: &Arc<Head>) -> Result<(), MaintenanceError> {
    head.settle();
    let since = Instant::now();
    begin_log_of_next(shared, head)?;
    let is_there = |view: &View| view.heads.iter().any(|other| Arc::ptr_eq(other, head));
    let written = if head.is_empty() {
        None
    } else {
        let Some(number) = shared.number_of_next(is_there) else { return Ok(()) };
        Some(write_segment(shared, head, number)?)
    };
    let disk = shared.disk.as_ref();
    let segment = written.as_ref().map(|info| open_written(shared, info)).transpose()?;

    let mut ledger = shared.ledger();
    let view = shared.view();
    let Some(place) = view.heads.iter().position(|other| Arc::ptr_eq(other, head)) else {
        // Everything was forgotten meanwhile.
        if let Some(info) = written {
            ledger.discard(disk, FileName::Segment(info.number));
        }
        return Ok(());
    };
    // Heads are flushed in their order, so the logs before the next one's are all in segments.
    let log_floor = view.heads.get(place + 1).map_or(head.number() + 1, |next| next.number());
    let mut manifest = ledger.manifest().clone();
    manifest.segments.extend(written.clone());
    manifest.next_file = shared.next_file();
    manifest.log_floor = log_floor;
    ledger.replace(disk, manifest, [FileName::Log(head.number())])?;
    shared.publish(|view| {
        view.heads.retain(|other| !Arc::ptr_eq(other, head));
        view.segments.extend(segment);
    });
    shared.retired.add(head);
    if let Some(info) = written {
        shared.metrics.made(Work::Flush, since.elapsed(), info.bytes);
    }
    Ok(())
}

/// The log of the head behind this one is the first that counts once this one is in a segment, so
/// it must be there. A head that was begun on a disk without space has none.
fn begin_log_of_next(shared: &Shared, head: &Arc<Head>) -> Result<(), ManifestError> {
    let view = shared.view();
    let mut heads = view.heads.iter().skip_while(|other| !Arc::ptr_eq(other, head)).skip(1);
    let Some(next) = heads.next().filter(|next| next.log_bytes() == 0) else { return Ok(()) };
    let begin = || {
        shared.disk.create(&FileName::Log(next.number()).path_in(&shared.dir))?.sync()?;
        shared.disk.sync_dir(&shared.dir)
    };
    begin().map_err(|source| ManifestError::Io { source })
}

/// Opens a segment that was written just now. If that fails, nothing is left of it.
pub(super) fn open_written(
    shared: &Shared,
    info: &SegmentInfo,
) -> Result<Arc<Segment>, MaintenanceError> {
    let (disk, file) = (shared.disk.as_ref(), FileName::Segment(info.number));
    let opened = Segment::open(disk, &file.path_in(&shared.dir));
    let opened = opened.inspect_err(|_| shared.ledger().discard(disk, file));
    Ok(Arc::new(opened?))
}

fn write_segment(
    shared: &Shared,
    head: &Head,
    number: u64,
) -> Result<SegmentInfo, MaintenanceError> {
    let rows = head.rows();
    let (arrival_min, arrival_max) = head.arrivals();
    let new = NewSegment { number, level: 0, arrival_min, arrival_max };
    write_new(shared, new, |mut writer| {
        write_blocks(&rows, shared.options.block_spans, &mut Encoder::new()?, &mut writer)?;
        let mut catalogue = Catalogue::default();
        catalogue::add(&rows, &mut catalogue);
        Ok(writer.finish(&mut catalogue.operations(), &mut catalogue.attributes())?)
    })
}

/// Writes a segment. If that fails, nothing is left of it, at the latest once the disk works
/// again.
pub(super) fn write_new(
    shared: &Shared,
    new: NewSegment,
    write: impl FnOnce(SegmentWriter<'_>) -> Result<SegmentInfo, MaintenanceError>,
) -> Result<SegmentInfo, MaintenanceError> {
    let disk = shared.disk.as_ref();
    let writer = SegmentWriter::create(disk, &shared.dir, new).map_err(MaintenanceError::from);
    writer.and_then(write).inspect_err(|_| {
        let mut ledger = shared.ledger();
        ledger.discard(disk, FileName::Temporary(new.number));
        ledger.discard(disk, FileName::Segment(new.number));
    })
}

/// Encodes all rows, and appends the blocks.
pub(super) fn write_blocks(
    rows: &Rows,
    block_spans: u32,
    encoder: &mut Encoder,
    writer: &mut SegmentWriter<'_>,
) -> Result<(), MaintenanceError> {
    write_traces(rows, (0..rows.traces()).collect(), block_spans, encoder, writer)
}

/// Encodes the rows of these traces, and appends the blocks.
pub(super) fn write_traces(
    rows: &Rows,
    mut traces: Vec<u32>,
    block_spans: u32,
    encoder: &mut Encoder,
    writer: &mut SegmentWriter<'_>,
) -> Result<(), MaintenanceError> {
    let average = rows.bytes() / rows.len().max(1) as usize;
    let most = (block_spans as usize).min(BLOCK_BYTES / average.max(1)).max(1);
    let mut order = Vec::with_capacity(most);
    sort_by_start(rows, &mut traces);
    for trace in traces {
        let before = order.len();
        order.extend(rows.rows_of(trace));
        // A trace crosses blocks only if it is larger than one.
        if order.len() > most && before > 0 {
            push(rows, &order[..before], encoder, writer)?;
            order.drain(..before);
        }
        while order.len() > most {
            push(rows, &order[..most], encoder, writer)?;
            order.drain(..most);
        }
    }
    if order.is_empty() { Ok(()) } else { push(rows, &order, encoder, writer) }
}

fn push(
    rows: &Rows,
    order: &[u32],
    encoder: &mut Encoder,
    writer: &mut SegmentWriter<'_>,
) -> Result<(), MaintenanceError> {
    let block = encoder.encode(rows, order)?;
    Ok(writer.push(&block)?)
}

/// Puts the traces that start first in front, so that each block covers little time.
fn sort_by_start(rows: &Rows, traces: &mut [u32]) {
    let mut starts = vec![u64::MAX; rows.traces() as usize];
    for row in 0..rows.len() {
        let span = rows.span(row);
        let start = &mut starts[span.trace as usize];
        *start = span.start.min(*start);
    }
    traces.sort_unstable_by_key(|trace| (starts[*trace as usize], rows.trace_id(*trace)));
}
