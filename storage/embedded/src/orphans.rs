//! Segments that the manifest does not have, but that may hold what nothing else does.
//!
//! What a crash leaves has nothing of its own. Either the manifest was stored later, and left it
//! out: then its number is below that of the next file. Or what it was made of counts still: a
//! log, or the segments that were merged. Any other was made after the manifest, so this one is
//! not the last: it was put back, or copied before the segment was made.

use spoor_store::ingest;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::log::replay;
use crate::manifest::{FileName, Files, Manifest};
use crate::segment::{Segment, SegmentError, SegmentInfo};

/// A segment that may hold what nothing else does.
#[derive(Clone, Debug)]
pub(crate) struct Orphan {
    pub(crate) number: u64,
    /// None if it cannot be read.
    pub(crate) info: Option<SegmentInfo>,
}

/// The orphans of a directory. All segments of the manifest are there.
pub(crate) fn orphans(
    disk: &dyn Disk,
    dir: &str,
    manifest: &Manifest,
    files: &Files,
) -> Result<Vec<Orphan>, OpenError> {
    let mut orphans = Vec::new();
    for number in files.segments().filter(|number| *number >= manifest.next_file) {
        if manifest.has_segment(number) {
            continue;
        }
        let info = match Segment::open(disk, &FileName::Segment(number).path_in(dir)) {
            Ok(segment) => Some(segment.info().clone()),
            Err(error @ (SegmentError::Newer { .. } | SegmentError::Io { .. })) => {
                return Err(error.into());
            }
            Err(_) => None,
        };
        let is_merged = |info: &SegmentInfo| is_made_of(info, &manifest.segments);
        if !info.as_ref().is_some_and(is_merged) {
            orphans.push(Orphan { number, info });
        }
    }
    for number in files.logs().filter(|number| *number >= manifest.log_floor) {
        if orphans.is_empty() {
            break;
        }
        let log = extent(disk, &FileName::Log(number).path_in(dir))?;
        orphans.retain(|orphan| {
            !orphan.info.as_ref().is_some_and(|info| {
                info.arrival_min >= log.arrival_min
                    && info.arrival_max <= log.arrival_max
                    && info.spans <= log.spans
            })
        });
    }
    Ok(orphans)
}

/// Whether a segment was made of some neighbours among these, or of one.
fn is_made_of(made: &SegmentInfo, segments: &[SegmentInfo]) -> bool {
    (0..segments.len()).any(|first| {
        let (mut min, mut max, mut spans) = (u64::MAX, 0, 0);
        segments[first..].iter().any(|info| {
            min = info.arrival_min.min(min);
            max = info.arrival_max.max(max);
            spans += info.spans;
            // To the nanosecond: no other segments arrived at these times.
            (min, max) == (made.arrival_min, made.arrival_max) && made.spans <= spans
        })
    })
}

/// What a log has, in which a request that was refused may be too.
fn extent(disk: &dyn Disk, path: &str) -> Result<SegmentInfo, OpenError> {
    let mut log = SegmentInfo { arrival_min: u64::MAX, ..SegmentInfo::default() };
    for record in replay(disk, path)? {
        let record = record?;
        if let Ok(batch) = ingest::split(&record.payload, record.arrival) {
            log.arrival_min = log.arrival_min.min(record.arrival);
            log.arrival_max = log.arrival_max.max(record.arrival);
            log.spans += batch.written().total().accepted;
        }
    }
    Ok(log)
}
