//! The end of a segment: what it is and where its parts lie.

use super::catalogue::ListPlace;
use super::{SegmentInfo, VERSION};
use crate::block::BlockIndex;
use crate::block::bytes::{Input, Invalid};

/// What a directory ends with.
pub(super) const MAGIC: &[u8; 8] = b"SPOORend";

/// What comes after the body: its length with this, the version, the checksum, the magic bytes.
/// It stays so in every version, that an old program can tell a newer segment from damage.
pub(super) const TRAILER: usize = 4 + 4 + 4 + MAGIC.len();

/// What the end of a segment tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) version: u32,
    pub(super) info: SegmentInfo,
    pub(super) operations: ListPlace,
    pub(super) attributes: ListPlace,
    /// Where the first filter page begins.
    pub(super) filters: u64,
    pub(super) blocks: Vec<BlockIndex>,
    /// The number of bits of each block's filter.
    pub(super) filter_bits: Vec<u32>,
}

/// Why bytes are no directory that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Damaged,
    /// It is of a longer file.
    CutShort,
    Newer(u32),
}

impl From<Invalid> for Flaw {
    fn from(_: Invalid) -> Self {
        Self::Damaged
    }
}

/// The fixed part of a body.
const HEAD: usize = 7 * 8 + 2 * 4 + 2 * (3 * 8 + 4);

/// An entry of the block index.
const ENTRY: usize = 5 * 8 + 4 * 4;

impl Directory {
    /// The length of a directory of so many blocks.
    pub(super) fn encoded_len(blocks: usize) -> usize {
        HEAD + blocks * ENTRY + TRAILER
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::encoded_len(self.blocks.len()));
        let info = &self.info;
        for number in [
            info.number,
            info.bytes,
            info.spans,
            info.traces,
            info.arrival_min,
            info.arrival_max,
            self.filters,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&info.level.to_le_bytes());
        out.extend_from_slice(&info.blocks.to_le_bytes());
        for list in [self.operations, self.attributes] {
            for number in [list.offset, list.chunks, list.index] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.extend_from_slice(&list.checksum.to_le_bytes());
        }
        for (block, filter_bits) in self.blocks.iter().zip(&self.filter_bits) {
            put_block(block, *filter_bits, &mut out);
        }
        seal(out)
    }

    /// Reads the directory whose bytes these are, from the first to the last.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Flaw> {
        let (body, trailer) = split_trailer(bytes).ok_or(Flaw::Damaged)?;
        if trailer.len as usize != bytes.len() || trailer.checksum != checksum(bytes) {
            return Err(Flaw::Damaged);
        }
        if trailer.version > VERSION {
            return Err(Flaw::Newer(trailer.version));
        }
        // No program ever wrote it.
        if trailer.version == 0 {
            return Err(Flaw::Damaged);
        }
        let mut directory = Self::decode_body(body)?;
        directory.version = trailer.version;
        if directory.is_consistent(bytes.len() as u64) { Ok(directory) } else { Err(Flaw::Damaged) }
    }

    /// Where the first of the two copies of catalogue and directory begins.
    pub(super) fn catalogue(&self) -> u64 {
        self.operations.offset
    }

    /// The length of a copy: how far the second one lies after the first.
    pub(super) fn copy_len(&self) -> u64 {
        (self.info.bytes - self.catalogue()) / 2
    }

    fn decode_body(body: &[u8]) -> Result<Self, Invalid> {
        let mut input = Input::new(body);
        let mut info = SegmentInfo {
            number: u64(&mut input)?,
            bytes: u64(&mut input)?,
            spans: u64(&mut input)?,
            traces: u64(&mut input)?,
            arrival_min: u64(&mut input)?,
            arrival_max: u64(&mut input)?,
            level: 0,
            blocks: 0,
        };
        let filters = u64(&mut input)?;
        info.level = input.u32()?;
        info.blocks = input.u32()?;
        let mut list = || {
            Ok(ListPlace {
                offset: u64(&mut input)?,
                chunks: u64(&mut input)?,
                index: u64(&mut input)?,
                checksum: input.u32()?,
            })
        };
        let (operations, attributes) = (list()?, list()?);
        if Some(input.remaining()) != (info.blocks as usize).checked_mul(ENTRY) {
            return Err(Invalid("it has more blocks or fewer than it tells"));
        }
        let mut blocks = Vec::with_capacity(info.blocks as usize);
        let mut filter_bits = Vec::with_capacity(info.blocks as usize);
        for _ in 0..info.blocks {
            let (block, bits) = take_block(&mut input)?;
            blocks.push(block);
            filter_bits.push(bits);
        }
        Ok(Self { version: VERSION, info, operations, attributes, filters, blocks, filter_bits })
    }

    /// Whether the parts follow each other and end with the file.
    fn is_consistent(&self, len: u64) -> bool {
        let mut end = super::HEADER_LEN;
        for block in &self.blocks {
            match block.offset.checked_add(block.len.into()) {
                Some(block_end) if block.offset >= end => end = block_end,
                _ => return false,
            }
        }
        let copy_end = self.attributes.end().and_then(|end| end.checked_add(len));
        let copy_len = copy_end.and_then(|end| end.checked_sub(self.catalogue()));
        let file_end = copy_end.zip(copy_len).and_then(|(end, len)| end.checked_add(len));
        end <= self.filters
            && self.filters <= self.catalogue()
            && self.operations.end() == Some(self.attributes.offset)
            && file_end == Some(self.info.bytes)
            && self.filter_bits.iter().all(|bits| *bits > 0)
    }
}

fn put_block(block: &BlockIndex, filter_bits: u32, out: &mut Vec<u8>) {
    for number in [
        block.offset,
        block.min_start,
        block.max_start,
        block.min_duration.cast_unsigned(),
        block.max_duration.cast_unsigned(),
    ] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [block.len, block.rows, block.traces, filter_bits] {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn take_block(input: &mut Input<'_>) -> Result<(BlockIndex, u32), Invalid> {
    let block = BlockIndex {
        offset: u64(input)?,
        min_start: u64(input)?,
        max_start: u64(input)?,
        min_duration: u64(input)?.cast_signed(),
        max_duration: u64(input)?.cast_signed(),
        len: input.u32()?,
        rows: input.u32()?,
        traces: input.u32()?,
    };
    Ok((block, input.u32()?))
}

fn u64(input: &mut Input<'_>) -> Result<u64, Invalid> {
    input.array().map(u64::from_le_bytes)
}

/// Adds the trailer to a body.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let len = (bytes.len() + TRAILER) as u32;
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(MAGIC);
    bytes
}

/// What a trailer tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trailer {
    /// The length of the directory with its trailer.
    pub(super) len: u32,
    version: u32,
    checksum: u32,
}

/// The bytes before a trailer, and the trailer, if there seems to be one at their end.
pub(super) fn split_trailer(bytes: &[u8]) -> Option<(&[u8], Trailer)> {
    let (body, trailer) = bytes.split_last_chunk::<TRAILER>()?;
    let numbers = trailer.strip_suffix(MAGIC)?;
    let mut numbers = numbers.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number));
    let trailer =
        Trailer { len: numbers.next()?, version: numbers.next()?, checksum: numbers.next()? };
    Some((body, trailer))
}

/// The checksum of a directory: of what comes before its place.
fn checksum(directory: &[u8]) -> u32 {
    crc32fast::hash(&directory[..directory.len() - MAGIC.len() - 4])
}
