//! Segments: immutable files of blocks, with what it takes to find a block.
//!
//! ```text
//! header       magic, version, checksum
//! blocks       one after the other; their bytes are the block module's
//! filters      per class of filters with one number of bits: pages of its matrix
//! catalogue    operations, attribute keys: sorted lists in checksummed chunks
//! directory    what the segment is, where its lists and blocks lie, trailer
//! catalogue    both again, byte for byte
//! directory
//! ```
//!
//! Opening a segment reads the directory alone, mostly in one read; everything else is read when
//! it is asked for, and checked each time. Damage is contained: that of a block costs the block,
//! that of a filter page only makes searches read more blocks, and the catalogue and the directory
//! are there twice.

mod catalogue;
mod check;
mod directory;
mod error;
mod filter;
mod info;
mod locate;
mod matrix;
mod reader;
mod source;
#[cfg(test)]
mod tests;
mod writer;

pub use catalogue::{
    AttributeKey, Catalogue, ListCursor, MemoryCursor, Merge, OperationKey, SortedKeys,
};
pub use error::{Doing, Part, SegmentError};
pub use filter::{Filter, Filters};
pub use info::SegmentInfo;
pub use reader::{Candidates, Segment};
pub use writer::{NewSegment, SegmentWriter};

/// The version that is written, the latest that is read.
///
/// Since 2 a block's filter has entries of attributes' keys and of services' durations.
pub(crate) const VERSION: u32 = 2;

/// What a segment begins with.
const HEADER_MAGIC: &[u8; 8] = b"SPOORseg";

/// The length of the header.
const HEADER_LEN: u64 = 16;

/// The header: the magic bytes, the version, the checksum of both. It says to people and tools
/// what the file is; what a reader needs is in the directory.
fn header() -> Vec<u8> {
    header_of(VERSION)
}

fn header_of(version: u32) -> Vec<u8> {
    let mut header = HEADER_MAGIC.to_vec();
    header.extend_from_slice(&version.to_le_bytes());
    let checksum = crc32fast::hash(&header);
    header.extend_from_slice(&checksum.to_le_bytes());
    header
}
