//! Setting aside what is damaged, and writing anew what is sound of it.
//!
//! New files come first, and the copies of the old ones; then the manifest is replaced, in one
//! step; only then the old files go. A crash anywhere leaves the store as it was, or repaired.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};

use super::segment::examine;
use crate::block::{EncodedBlock, Encoder};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::log::{LogError, LogWriter, Record, replay};
use crate::manifest::{FileName, Files, Manifest};
use crate::segment::{Catalogue, NewSegment, Segment, SegmentError, SegmentInfo, SegmentWriter};
use crate::set_aside::set_aside;
use crate::tenant::add_to_catalogue;

/// What is to be done to a tenant's directory.
#[derive(Debug)]
pub(super) struct Plan {
    /// The manifest that is there, or one made of what is there.
    pub(super) manifest: Manifest,
    /// Whether it is there.
    has_manifest: bool,
    /// By number: the sound blocks of the segments that are written anew; none of those that
    /// cannot even be opened.
    segments: BTreeMap<u64, Vec<u32>>,
    logs: Vec<u64>,
}

impl Plan {
    pub(super) fn new(manifest: Manifest, has_manifest: bool) -> Self {
        Self { manifest, has_manifest, segments: BTreeMap::new(), logs: Vec::new() }
    }

    /// The segment cannot be opened.
    pub(super) fn drop_segment(&mut self, number: u64) {
        self.segments.insert(number, Vec::new());
    }

    /// The segment has these sound blocks.
    pub(super) fn rewrite_segment(&mut self, number: u64, sound: Vec<u32>) {
        self.segments.insert(number, sound);
    }

    pub(super) fn rewrite_log(&mut self, number: u64) {
        self.logs.push(number);
    }

    /// The segment counts.
    pub(super) fn take_in(&mut self, info: SegmentInfo) {
        self.manifest.segments.push(info);
        sort(&mut self.manifest.segments);
    }

    /// The manifest without segments that have lost something.
    pub(super) fn without_losses(&self) -> Manifest {
        let mut manifest = self.manifest.clone();
        manifest.segments.retain(|info| {
            let sound = self.segments.get(&info.number);
            sound.is_none_or(|sound| sound.len() == info.blocks as usize)
        });
        manifest
    }
}

/// A manifest of all segments and logs that are there.
pub(super) fn manifest_of(
    disk: &dyn Disk,
    dir: &str,
    files: &Files,
) -> Result<Manifest, OpenError> {
    let mut segments = Vec::new();
    for number in files.segments() {
        match Segment::open(disk, &FileName::Segment(number).path_in(dir)) {
            Ok(segment) => segments.push(named(number, segment.info().clone())),
            Err(error @ SegmentError::Newer { .. }) => return Err(error.into()),
            // What a manifest does not have would be removed. So it is found again, and set aside.
            Err(_) => segments.push(named(number, SegmentInfo::default())),
        }
    }
    sort(&mut segments);
    let first = files.logs().next();
    let next_file = files.next + u64::from(first.is_none());
    Ok(Manifest {
        segments,
        next_file,
        log_floor: first.unwrap_or(files.next),
        ..Manifest::default()
    })
}

/// What a manifest would tell of a segment under its name: if it is another one, something else.
pub(super) fn named(number: u64, mut info: SegmentInfo) -> SegmentInfo {
    info.number = number;
    info
}

fn sort(segments: &mut [SegmentInfo]) {
    segments.sort_by_key(|info| (info.arrival_min, info.arrival_max, info.number));
}

pub(super) fn repair(disk: &dyn Disk, dir: &str, plan: &Plan) -> Result<(), OpenError> {
    let Plan { manifest: old, has_manifest, segments, logs } = plan;
    let mut next_file = Files::list(disk, dir)?.next.max(old.next_file);
    let mut kept = Vec::new();
    for info in &old.segments {
        let Some(sound) = segments.get(&info.number) else {
            kept.push(info.clone());
            continue;
        };
        if !sound.is_empty() {
            kept.push(rewrite_segment(disk, dir, info.number, sound, next_file)?);
            next_file += 1;
        }
    }
    let manifest = Manifest { segments: kept, next_file, ..old.clone() };

    let bad = segments.keys().map(|number| FileName::Segment(*number));
    let bad: Vec<_> = bad.chain(logs.iter().map(|number| FileName::Log(*number))).collect();
    let bad_manifest = (!*has_manifest).then_some(FileName::Manifest);
    for file in bad.iter().copied().chain(bad_manifest) {
        set_aside(disk, dir, file)?;
    }
    for number in logs {
        rewrite_log(disk, dir, *number)?;
    }
    manifest.store(disk, dir)?;
    for number in segments.keys() {
        ignore_missing(disk.remove(&FileName::Segment(*number).path_in(dir)))?;
    }
    disk.sync_dir(dir)?;
    Ok(())
}

fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Writes a segment of the sound blocks of another, with filters and a catalogue made anew.
fn rewrite_segment(
    disk: &dyn Disk,
    dir: &str,
    number: u64,
    sound: &[u32],
    new_number: u64,
) -> Result<SegmentInfo, OpenError> {
    let segment = Segment::open(disk, &FileName::Segment(number).path_in(dir))?;
    let info = segment.info();
    let new = NewSegment {
        number: new_number,
        level: info.level,
        arrival_min: info.arrival_min,
        arrival_max: info.arrival_max,
    };
    let mut writer = SegmentWriter::create(disk, dir, new)?;
    let mut encoder = Encoder::new()?;
    let mut catalogue = Catalogue::default();
    for block in sound {
        // It was sound a moment ago.
        let examined = examine(&segment, *block, &mut encoder).map_err(io::Error::other);
        let (rows, encoded) = examined?;
        add_to_catalogue(&rows, &mut catalogue);
        let (bytes, index) = (segment.read_block(*block)?, segment.blocks()[*block as usize]);
        writer.push(&EncodedBlock { bytes, index, ..encoded })?;
    }
    Ok(writer.finish(&mut catalogue.operations(), &mut catalogue.attributes())?)
}

/// Replaces a log by one of its sound records; of none if it is missing.
fn rewrite_log(disk: &dyn Disk, dir: &str, number: u64) -> Result<(), OpenError> {
    let path = FileName::Log(number).path_in(dir);
    let temporary = FileName::Temporary(number).path_in(dir);
    ignore_missing(disk.remove(&temporary))?;
    let mut log = LogWriter::create(disk, &temporary, RandomState::new().hash_one(number))?;
    let records = match replay(disk, &path) {
        Err(LogError::Disk(error)) if error.kind() == ErrorKind::NotFound => None,
        records => Some(records?),
    };
    for record in records.into_iter().flatten() {
        let record = record?;
        if spoor_store::ingest::split(&record.payload, record.arrival).is_ok() {
            log.write(&[Record { arrival: record.arrival, payload: &record.payload }])?;
        }
    }
    log.sync()?;
    disk.rename(&temporary, &path)?;
    Ok(disk.sync_dir(dir)?)
}
