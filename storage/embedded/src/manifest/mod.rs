//! The manifest: which segments and logs of a tenant's directory count.
//!
//! A file that the manifest doesn't have is what was left of work that did not end, and is
//! removed when the store is opened. The manifest is replaced as a whole, in one step.
//!
//! ```text
//! record    magic, version, length of the body, body, checksum of all before
//! record    again, byte for byte, so that damage to one of them costs nothing
//! ```

mod error;
mod file_name;
#[cfg(test)]
mod tests;

use std::io;

use crate::block::bytes::{Input, Invalid, put_len, put_varint};
use crate::disk::Disk;
use crate::segment::SegmentInfo;
pub use error::ManifestError;
pub use file_name::FileName;
use file_name::path_in;

/// The version that is written, the latest that is read.
const VERSION: u32 = 1;

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
    /// Logs with a number below this are in segments.
    pub log_floor: u64,
}

impl Manifest {
    /// Reads the manifest of a tenant's directory; none if there is none.
    ///
    /// # Errors
    /// When it can't be read, both of its records are damaged, or it is of a newer format.
    pub fn load(disk: &dyn Disk, dir: &str) -> Result<Option<Self>, ManifestError> {
        let path = FileName::Manifest.path_in(dir);
        let bytes = match read(disk, &path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
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

    /// The paths of the files in a tenant's directory that don't count: temporary files, segments
    /// that the manifest doesn't have, logs that are in segments. To be called when nothing is
    /// being written.
    ///
    /// # Errors
    /// When the directory can't be listed.
    pub fn leftovers(&self, disk: &dyn Disk, dir: &str) -> io::Result<Vec<String>> {
        let is_left_over = |name: &String| match FileName::parse(name) {
            Some(FileName::Temporary(_) | FileName::TemporaryManifest) => true,
            Some(FileName::Segment(number)) => {
                !self.segments.iter().any(|segment| segment.number == number)
            }
            Some(FileName::Log(number)) => number < self.log_floor,
            Some(FileName::Manifest) | None => false,
        };
        Ok(disk
            .list(dir)?
            .into_iter()
            .filter(is_left_over)
            .map(|name| path_in(dir, &name))
            .collect())
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

    fn decode_body(body: &[u8]) -> Result<Self, Invalid> {
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
        Ok(Self { segments, next_file, log_floor })
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
    Ok(Manifest::decode_body(body)?)
}

fn read(disk: &dyn Disk, path: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let mut bytes = vec![0; usize::try_from(file.len()).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
