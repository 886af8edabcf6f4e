//! The manifest: which segments and logs of a tenant's directory count.
//!
//! A file that the manifest doesn't have is what was left of work that did not end, and is
//! removed when the store is opened. The manifest is replaced as a whole, in one step.
//!
//! The first log that counts is there for as long as the manifest is, if without a span (in version
//! 1 it need not be). So a manifest that is older than the files beside it is told from theirs:
//! flushing takes away that log, all else that makes another manifest takes away segments.
//!
//! ```text
//! record    magic, version, length of the body, body, checksum of all before
//! record    again, byte for byte, so that damage to one of them costs nothing
//! ```

mod error;
mod file_name;
mod files;
#[cfg(test)]
mod tests;

use std::io;

use crate::block::bytes::{Input, Invalid, put_len, put_varint};
use crate::disk::Disk;
use crate::segment::SegmentInfo;
pub use error::ManifestError;
pub use file_name::FileName;
use file_name::path_in;
pub use files::Files;
pub(crate) use files::is_dir;

/// The version that is written, the latest that is read.
const VERSION: u32 = 2;

/// The first version that is not stored without the first log.
const WITH_FIRST_LOG: u32 = 2;

/// What a record begins with. Its version and its checksum stay where they are in every version,
/// that an old program can tell a newer manifest from damage.
const MAGIC: &[u8] = b"SPOORman";

const CHECKSUM: usize = 4;

/// The fewest bytes that a segment takes.
const LEAST_SEGMENT: usize = 8;

/// What counts of a tenant's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The segments, in any order that is to be kept.
    pub segments: Vec<SegmentInfo>,
    /// The number of the next file, log or segment. Numbers are not given twice.
    pub next_file: u64,
    /// Logs with a number below this are in segments. The one with this number is there.
    pub log_floor: u64,
    /// The version that it was read as. It is stored as the latest.
    pub version: u32,
}

impl Manifest {
    /// Reads the manifest of a tenant's directory; none if there is none yet.
    ///
    /// # Errors
    /// When it can't be read, both of its records are damaged, it is of a newer format, or there
    /// is none although there are files that only a store with a manifest has.
    pub fn load(disk: &dyn Disk, dir: &str) -> Result<Option<Self>, ManifestError> {
        let path = FileName::Manifest.path_in(dir);
        let bytes = match read(disk, &path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let files = Files::list(disk, dir)?;
                // The first log is made before the first manifest.
                let is_begun = files.segments().next().is_some() || files.logs().next() > Some(0);
                return if is_begun { Err(ManifestError::Missing { path }) } else { Ok(None) };
            }
            Err(source) => return Err(ManifestError::Io { source }),
        };
        match decode(&bytes) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(Flaw::Newer(version)) => Err(ManifestError::Newer { path, version }),
            Err(Flaw::Damaged) => Err(ManifestError::Damaged { path }),
        }
    }

    /// Replaces the manifest of a tenant's directory. Once this returns, the new one lasts.
    ///
    /// After an error the old one or the new one may be found when the store is opened next, so
    /// the files of both must be kept until a later one was stored.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn store(&self, disk: &dyn Disk, dir: &str) -> Result<(), ManifestError> {
        let temporary = FileName::TemporaryManifest.path_in(dir);
        self.write(disk, dir, &temporary).map_err(|source| {
            // Once renamed it isn't there any more; and it is replaced by the next attempt, or
            // removed when the store is opened.
            let _ = disk.remove(&temporary);
            ManifestError::Io { source }
        })
    }

    fn write(&self, disk: &dyn Disk, dir: &str, temporary: &str) -> io::Result<()> {
        let mut file = disk.create(temporary)?;
        file.append(&self.encode())?;
        file.sync()?;
        disk.rename(temporary, &FileName::Manifest.path_in(dir))?;
        disk.sync_dir(dir)
    }

    /// The files of its directory that don't count: temporary files, segments that the manifest
    /// doesn't have, logs that are in segments. They were listed when nothing was being written.
    pub fn leftovers(&self, files: &Files) -> Vec<FileName> {
        let is_left_over = |file: &FileName| match *file {
            FileName::Temporary(_) | FileName::TemporaryManifest => true,
            FileName::Segment(number) => !self.has_segment(number),
            FileName::Log(number) => number < self.log_floor,
            FileName::Manifest | FileName::Reserve => false,
        };
        files.names.iter().copied().filter(is_left_over).collect()
    }

    /// Whether the segment with this number counts.
    pub fn has_segment(&self, number: u64) -> bool {
        self.segments.iter().any(|segment| segment.number == number)
    }

    /// The numbers of the logs of its directory that count, ascending.
    ///
    /// # Errors
    /// When the first is not there, although the version is one that it is there with.
    pub fn logs(&self, files: &Files, dir: &str) -> Result<Vec<u64>, ManifestError> {
        let logs: Vec<_> = files.logs().filter(|number| *number >= self.log_floor).collect();
        if self.version >= WITH_FIRST_LOG && logs.first() != Some(&self.log_floor) {
            return Err(ManifestError::NoLog { path: FileName::Log(self.log_floor).path_in(dir) });
        }
        Ok(logs)
    }

    /// Reads the manifest of a tenant's directory, or makes one, and lists the logs that count.
    ///
    /// # Errors
    /// As [`Manifest::load`] and [`Manifest::logs`].
    pub fn with_logs(disk: &dyn Disk, dir: &str) -> Result<(Self, Vec<u64>), ManifestError> {
        let loaded = Self::load(disk, dir)?;
        let files = Files::list(disk, dir)?;
        match loaded {
            Some(manifest) => manifest.logs(&files, dir).map(|logs| (manifest, logs)),
            None => Ok((Self::default(), files.logs().collect())),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put_varint(self.next_file, &mut body);
        put_varint(self.log_floor, &mut body);
        put_len(self.segments.len(), &mut body);
        for segment in &self.segments {
            for number in [
                segment.number,
                segment.level.into(),
                segment.arrival_min,
                segment.arrival_max,
                segment.bytes,
                segment.spans,
                segment.traces,
                segment.blocks.into(),
            ] {
                put_varint(number, &mut body);
            }
        }
        let mut record = MAGIC.to_vec();
        record.extend_from_slice(&VERSION.to_le_bytes());
        record.extend_from_slice(&(body.len() as u32).to_le_bytes());
        record.append(&mut body);
        record.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
        record.repeat(2)
    }

    fn decode_body(body: &[u8], version: u32) -> Result<Self, Invalid> {
        let mut input = Input::new(body);
        let next_file = input.varint()?;
        let log_floor = input.varint()?;
        let count = input.count(input.remaining() / LEAST_SEGMENT)?;
        let mut segments = Vec::with_capacity(count);
        for _ in 0..count {
            segments.push(SegmentInfo {
                number: input.varint()?,
                level: input.varint_u32()?,
                arrival_min: input.varint()?,
                arrival_max: input.varint()?,
                bytes: input.varint()?,
                spans: input.varint()?,
                traces: input.varint()?,
                blocks: input.varint_u32()?,
            });
        }
        input.end()?;
        Ok(Self { segments, next_file, log_floor, version })
    }
}

/// Why bytes are no manifest that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Damaged,
    Newer(u32),
}

impl From<Invalid> for Flaw {
    fn from(_: Invalid) -> Self {
        Self::Damaged
    }
}

/// Reads the first record, or the second when that one is damaged.
fn decode(bytes: &[u8]) -> Result<Manifest, Flaw> {
    // Both are of one length.
    let (first, second) = bytes.split_at(bytes.len() / 2);
    match decode_record(first) {
        Err(Flaw::Damaged) => {
            let manifest = decode_record(second)?;
            tracing::warn!("a manifest is damaged, its copy is used");
            Ok(manifest)
        }
        decoded => decoded,
    }
}

fn decode_record(record: &[u8]) -> Result<Manifest, Flaw> {
    let (content, checksum) = record.split_last_chunk::<CHECKSUM>().ok_or(Flaw::Damaged)?;
    if crc32fast::hash(content) != u32::from_le_bytes(*checksum) {
        return Err(Flaw::Damaged);
    }
    let mut input = Input::new(content);
    if input.take(MAGIC.len())? != MAGIC {
        return Err(Flaw::Damaged);
    }
    let version = input.u32()?;
    let len = input.u32()?;
    if version > VERSION {
        return Err(Flaw::Newer(version));
    }
    // No program ever wrote it.
    if version == 0 {
        return Err(Flaw::Damaged);
    }
    let body = input.take(len as usize)?;
    input.end()?;
    Ok(Manifest::decode_body(body, version)?)
}

fn read(disk: &dyn Disk, path: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let mut bytes = vec![0; usize::try_from(file.len()).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
