//! A sorted list of keys: chunks of about 32 KiB, each with its checksum, and an index of them.
//!
//! A key is stored as what it doesn't share with the one before it, and a chunk by zstd, where
//! that makes it smaller.

use super::SortedKeys;
use crate::block::bytes::{Input, Invalid, put_len};
use crate::segment::error::{Part, SegmentError};
use crate::segment::source::Source;

/// What a chunk has of keys before it is compressed; a longer key has a chunk of its own.
const CHUNK_BYTES: usize = 32 * 1024;

/// Where a chunk would shrink to less than one part in this, it is stored as it is: so what a
/// reader takes of memory is bounded by what it has read.
const GREATEST_RATIO: usize = 256;

/// Where a list lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::segment) struct ListPlace {
    /// Where it begins.
    pub(in crate::segment) offset: u64,
    /// The bytes of its chunks, which come first.
    pub(in crate::segment) chunks: u64,
    /// The bytes of its index, which comes after them.
    pub(in crate::segment) index: u64,
    /// The index's checksum.
    pub(in crate::segment) checksum: u32,
}

impl ListPlace {
    /// Where the list ends in its file, if that is a number.
    pub(in crate::segment) fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.chunks)?.checked_add(self.index)
    }
}

/// A chunk of a list, as its index tells.
#[derive(Clone, Debug)]
struct Chunk {
    first_key: Box<[u8]>,
    offset: u64,
    stored: usize,
    raw: usize,
    checksum: u32,
}

/// Encodes a list.
#[derive(Debug, Default)]
pub(in crate::segment) struct ListWriter {
    chunks: Vec<u8>,
    index: Vec<u8>,
    /// The chunk in the making.
    raw: Vec<u8>,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
}

impl ListWriter {
    /// Adds a key, which sorts after all others.
    pub(in crate::segment) fn push(&mut self, key: &[u8]) {
        if !self.raw.is_empty() && self.raw.len() + key.len() > CHUNK_BYTES {
            self.close_chunk();
        }
        if self.raw.is_empty() {
            self.first_key.clear();
            self.first_key.extend_from_slice(key);
            self.last_key.clear();
        }
        let shared = self.last_key.iter().zip(key).take_while(|(a, b)| a == b).count();
        put_len(shared, &mut self.raw);
        put_bytes(&key[shared..], &mut self.raw);
        self.last_key.truncate(shared);
        self.last_key.extend_from_slice(&key[shared..]);
    }

    /// The list's bytes, and their place when they begin at `offset` of a file.
    pub(in crate::segment) fn finish(mut self, offset: u64) -> (Vec<u8>, ListPlace) {
        if !self.raw.is_empty() {
            self.close_chunk();
        }
        let place = ListPlace {
            offset,
            chunks: self.chunks.len() as u64,
            index: self.index.len() as u64,
            checksum: crc32fast::hash(&self.index),
        };
        self.chunks.append(&mut self.index);
        (self.chunks, place)
    }

    fn close_chunk(&mut self) {
        let compressed = zstd::bulk::compress(&self.raw, zstd::DEFAULT_COMPRESSION_LEVEL);
        let stored = match &compressed {
            Ok(bytes)
                if bytes.len() < self.raw.len()
                    && self.raw.len() <= bytes.len() * GREATEST_RATIO =>
            {
                bytes
            }
            _ => &self.raw,
        };
        put_bytes(&self.first_key, &mut self.index);
        put_len(stored.len(), &mut self.index);
        put_len(self.raw.len(), &mut self.index);
        self.index.extend_from_slice(&crc32fast::hash(stored).to_le_bytes());
        self.chunks.extend_from_slice(stored);
        self.raw.clear();
    }
}

/// Two copies of the same bytes in one file.
#[derive(Clone, Debug)]
pub(in crate::segment) struct Mirrored {
    pub(in crate::segment) source: Source,
    /// How far the second copy lies after the first.
    pub(in crate::segment) distance: u64,
    pub(in crate::segment) part: Part,
}

impl Mirrored {
    /// Reads a part of the first copy, or of the second when the first is damaged.
    fn read(&self, offset: u64, len: usize, checksum: u32) -> Result<Vec<u8>, SegmentError> {
        let read = |offset| {
            let bytes = self.source.read(offset, len, self.part)?;
            if crc32fast::hash(&bytes) == checksum {
                Ok(bytes)
            } else {
                Err(self.source.damaged(self.part))
            }
        };
        read(offset).or_else(|error| read(offset.saturating_add(self.distance)).map_err(|_| error))
    }

    fn damaged(&self) -> SegmentError {
        self.source.damaged(self.part)
    }
}

/// Goes through a list, chunk by chunk.
#[derive(Debug)]
pub struct ListCursor {
    file: Mirrored,
    chunks: Vec<Chunk>,
    /// The next chunk to be read.
    next: usize,
    raw: Vec<u8>,
    /// Where the next key begins in `raw`.
    at: usize,
    key: Vec<u8>,
}

impl ListCursor {
    /// Reads the list's index.
    pub(in crate::segment) fn open(file: Mirrored, place: ListPlace) -> Result<Self, SegmentError> {
        let index_offset = place.offset.saturating_add(place.chunks);
        let index = file.read(index_offset, place.index as usize, place.checksum)?;
        let chunks = read_index(&index, place).map_err(|_| file.damaged())?;
        Ok(Self { file, chunks, next: 0, raw: Vec::new(), at: 0, key: Vec::new() })
    }

    /// Goes to the first key that is at or after this one, forward or back. Tells whether there
    /// is one.
    ///
    /// # Errors
    /// When the keys can't be read or are damaged.
    pub fn seek(&mut self, key: &[u8]) -> Result<bool, SegmentError> {
        let after = self.chunks.partition_point(|chunk| *chunk.first_key <= *key);
        let chunk = after.saturating_sub(1);
        let is_ahead_in_this_chunk =
            self.next == chunk + 1 && self.at > 0 && self.key.as_slice() < key;
        if !is_ahead_in_this_chunk {
            self.next = chunk;
            self.at = self.raw.len();
        }
        while self.advance()? {
            if self.key.as_slice() >= key {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_chunk(&mut self) -> Result<bool, SegmentError> {
        let Some(chunk) = self.chunks.get(self.next) else { return Ok(false) };
        let stored = self.file.read(chunk.offset, chunk.stored, chunk.checksum)?;
        self.raw = if chunk.stored == chunk.raw {
            stored
        } else {
            zstd::bulk::decompress(&stored, chunk.raw)
                .ok()
                .filter(|raw| raw.len() == chunk.raw)
                .ok_or_else(|| self.file.damaged())?
        };
        self.next += 1;
        self.at = 0;
        self.key.clear();
        Ok(true)
    }

    /// Reads the next key of the chunk.
    fn read_key(&mut self) -> Result<(), Invalid> {
        let mut input = Input::new(&self.raw[self.at..]);
        let shared = input.count(self.key.len())?;
        let suffix = take_bytes(&mut input)?;
        self.key.truncate(shared);
        self.key.extend_from_slice(suffix);
        self.at = self.raw.len() - input.remaining();
        Ok(())
    }
}

impl SortedKeys for ListCursor {
    fn advance(&mut self) -> Result<bool, SegmentError> {
        while self.at == self.raw.len() {
            if !self.read_chunk()? {
                self.key.clear();
                return Ok(false);
            }
        }
        self.read_key().map_err(|_| self.file.damaged())?;
        Ok(true)
    }

    fn key(&self) -> &[u8] {
        &self.key
    }
}

fn read_index(index: &[u8], place: ListPlace) -> Result<Vec<Chunk>, Invalid> {
    let mut input = Input::new(index);
    let mut chunks = Vec::new();
    let mut offset = place.offset;
    let mut rest = place.chunks;
    while input.remaining() > 0 {
        let first_key = take_bytes(&mut input)?.into();
        let stored = input.count(usize::try_from(rest).unwrap_or(usize::MAX))?;
        let raw = input.count(stored.saturating_mul(GREATEST_RATIO))?;
        let checksum = input.u32()?;
        chunks.push(Chunk { first_key, offset, stored, raw, checksum });
        offset += stored as u64;
        rest -= stored as u64;
    }
    if rest == 0 { Ok(chunks) } else { Err(Invalid("it has chunks that it doesn't tell of")) }
}

/// Bytes after their length.
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(input: &mut Input<'a>) -> Result<&'a [u8], Invalid> {
    let len = input.count(input.remaining())?;
    input.take(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(keys: impl Iterator<Item = Vec<u8>>) -> (Vec<u8>, ListPlace) {
        let mut list = ListWriter::default();
        keys.for_each(|key| list.push(&key));
        list.finish(100)
    }

    #[test]
    fn chunks_are_of_one_size_and_bounded_in_ratio() {
        let keys = (0..50_000).map(|number| format!("key {number:08}").into_bytes());
        let (bytes, place) = list(keys.chain([[b'x'; 1_000_000].to_vec()]));
        let chunks = read_index(&bytes[place.chunks as usize..], place).unwrap();
        assert_eq!(place.end(), Some(100 + bytes.len() as u64));
        let (last, others) = chunks.split_last().unwrap();
        assert!(others.iter().all(|chunk| chunk.raw <= CHUNK_BYTES));
        assert!(others[..others.len() - 1].iter().all(|chunk| chunk.raw > CHUNK_BYTES / 2));
        // It would shrink to almost nothing.
        assert_eq!(last.stored, last.raw);
    }

    #[test]
    fn an_index_that_makes_no_sense_is_refused() {
        let keys = (0..30_000_u32).map(|number| number.to_be_bytes().to_vec());
        let (bytes, place) = list(keys);
        let index = &bytes[place.chunks as usize..];
        assert!(read_index(index, place).unwrap().len() > 1);
        for offset in 0..index.len() {
            assert!(read_index(&index[..offset], place).is_err());
            let mut changed = index.to_vec();
            changed[offset] ^= 0xff;
            // It doesn't panic, nor take memory without bound.
            if let Ok(chunks) = read_index(&changed, place) {
                assert!(chunks.iter().all(|chunk| chunk.raw <= chunk.stored * GREATEST_RATIO));
            }
        }
    }
}
