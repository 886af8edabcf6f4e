//! A segment, taken apart: its lists, filters, blocks and numbers can be mutated one by one.

use crate::block::Block;
use crate::bytes::{Random, mutate, put_varint, take, u32_at, u64_at, varint};

const HEADER: usize = 16;
const HEAD: usize = 120;
const ENTRY: usize = 56;
const TRAILER: usize = 20;
/// Filters beyond this are not made.
const MOST_FILTERS: usize = 1 << 20;

#[derive(Clone, Debug)]
pub struct Segment {
    version: u32,
    /// The first 64 bytes of the directory.
    numbers: Vec<u8>,
    /// The bytes of each block, and its entry in the index.
    blocks: Vec<(Vec<u8>, Vec<u8>)>,
    filters: Vec<u8>,
    lists: [Vec<Chunk>; 2],
}

#[derive(Clone, Debug)]
struct Chunk {
    first_key: Vec<u8>,
    stored: Vec<u8>,
    /// Its length when it is decompressed.
    raw: u64,
}

impl Segment {
    pub fn decode(segment: &[u8]) -> Option<Self> {
        let trailer = segment.len().checked_sub(TRAILER)?;
        let start = segment.len().checked_sub(u32_at(segment, trailer)? as usize)?;
        let directory = segment.get(start..trailer)?;
        let numbers = directory.get(..64)?.to_vec();
        let blocks = directory.get(HEAD..)?.chunks_exact(ENTRY).map(|entry| {
            let (offset, len) = (u64_at(entry, 0)? as usize, u32_at(entry, 40)? as usize);
            Some((segment.get(offset..offset.checked_add(len)?)?.to_vec(), entry.to_vec()))
        });
        let list = |at: usize| {
            let number = |at: usize| Some(u64_at(directory, at)? as usize);
            let (offset, chunks, index) = (number(at)?, number(at + 8)?, number(at + 16)?);
            decode_list(segment.get(offset..)?, chunks, index)
        };
        let filters = u64_at(directory, 48)? as usize..u64_at(directory, 64)? as usize;
        Some(Self {
            version: u32_at(segment, trailer + 4)?,
            numbers,
            blocks: blocks.collect::<Option<_>>()?,
            filters: segment.get(filters)?.to_vec(),
            lists: [list(64)?, list(64 + 28)?],
        })
    }

    /// The bytes of its blocks.
    pub fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().map(|(bytes, _)| &bytes[..])
    }

    /// The same without compression in its lists.
    pub fn unpacked(mut self) -> Self {
        for chunk in self.lists.iter_mut().flatten() {
            if let Ok(raw) = zstd::bulk::decompress(&chunk.stored, chunk.raw as usize) {
                chunk.stored = raw;
            }
        }
        self
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = b"SPOORseg".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(crc32fast::hash(&out).to_le_bytes());
        let mut index = Vec::new();
        for (bytes, entry) in &self.blocks {
            let start = index.len();
            index.extend(entry);
            index[start..start + 8].copy_from_slice(&(out.len() as u64).to_le_bytes());
            index[start + 40..start + 44].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend(bytes);
        }
        debug_assert!(out.len() >= HEADER);
        let mut directory = self.numbers.clone();
        directory[48..56].copy_from_slice(&(out.len() as u64).to_le_bytes());
        directory[60..64].copy_from_slice(&(self.blocks.len() as u32).to_le_bytes());
        self.put_filters(&mut out);
        let copy = out.len();
        for list in &self.lists {
            let (chunks, index) = encode_list(list);
            directory.extend((out.len() as u64).to_le_bytes());
            directory.extend((chunks.len() as u64).to_le_bytes());
            directory.extend((index.len() as u64).to_le_bytes());
            directory.extend(crc32fast::hash(&index).to_le_bytes());
            out.extend(chunks);
            out.extend(index);
        }
        directory.extend(index);
        let directory_len = directory.len() + TRAILER;
        let len = out.len() + directory_len;
        let len = (len + (len - copy)) as u64;
        directory[8..16].copy_from_slice(&len.to_le_bytes());
        directory.extend((directory_len as u32).to_le_bytes());
        directory.extend(self.version.to_le_bytes());
        directory.extend(crc32fast::hash(&directory).to_le_bytes());
        directory.extend(b"SPOORend");
        out.extend(directory);
        out.extend_from_within(copy..);
        out
    }

    /// The pages, with right checksums and as long as the blocks' filters make them.
    fn put_filters(&self, out: &mut Vec<u8>) {
        let mut bits: Vec<usize> =
            self.blocks.iter().filter_map(|(_, entry)| Some(u32_at(entry, 52)? as usize)).collect();
        bits.sort_unstable();
        let mut rest = &self.filters[..];
        let mut number = 0_u64;
        for class in bits.chunk_by(|a, b| a == b) {
            let (width, mut rows) = (class.len(), class[0]);
            if rows * width > 8 * MOST_FILTERS {
                return;
            }
            let full = (4064 / width).max(1);
            while rows > 0 {
                let own = rows.min(full);
                let len = (own * width).div_ceil(8);
                let mut page = take(&mut rest, len).unwrap_or_default().to_vec();
                page.resize(len, 0);
                take(&mut rest, 4);
                let mut checksum = crc32fast::Hasher::new();
                checksum.update(&number.to_le_bytes());
                checksum.update(&page);
                out.extend(page);
                out.extend(checksum.finalize().to_le_bytes());
                rows -= own;
                number += 1;
            }
        }
    }

    pub fn mutate(&mut self, random: &mut Random) {
        let at = random.below(self.blocks.len());
        let list = &mut self.lists[random.below(2)];
        let chunk = random.below(list.len());
        match random.below(20) {
            0 => self.version = random.below(4) as u32,
            1 => mutate(&mut self.filters),
            2 => self.numbers[random.below(64)] ^= 1 << random.below(8),
            3 => {
                if let Some((_, entry)) = self.blocks.get_mut(at) {
                    entry[random.below(ENTRY)] ^= 1 << random.below(8);
                }
            }
            4 | 5 => {
                if let Some((bytes, _)) = self.blocks.get_mut(at)
                    && let Some(mut block) = Block::decode(bytes)
                {
                    block.mutate(random);
                    *bytes = block.encode();
                }
            }
            6 if !self.blocks.is_empty() => drop(self.blocks.remove(at)),
            7 if !self.blocks.is_empty() => {
                let again = self.blocks[at].clone();
                self.blocks.push(again);
            }
            8 if chunk < list.len() => {
                let again = list[chunk].clone();
                list.insert(chunk, again);
            }
            9 if chunk < list.len() => drop(list.remove(chunk)),
            choice => match list.get_mut(chunk) {
                Some(chunk) if choice == 10 => mutate(&mut chunk.first_key),
                Some(chunk) if choice == 11 => chunk.raw = 1 << random.below(40),
                Some(chunk) => {
                    let is_raw = chunk.raw == chunk.stored.len() as u64;
                    mutate(&mut chunk.stored);
                    if is_raw {
                        chunk.raw = chunk.stored.len() as u64;
                    }
                }
                None => {
                    let (first_key, stored) = (Vec::new(), vec![0, 1, 0]);
                    list.push(Chunk { first_key, stored, raw: 3 });
                }
            },
        }
    }
}

fn decode_list(list: &[u8], chunks: usize, index: usize) -> Option<Vec<Chunk>> {
    let (mut chunks, rest) = list.split_at_checked(chunks)?;
    let mut index = rest.get(..index)?;
    let mut decoded = Vec::new();
    while !index.is_empty() {
        let len = varint(&mut index)? as usize;
        let first_key = take(&mut index, len)?.to_vec();
        let stored = varint(&mut index)? as usize;
        let raw = varint(&mut index)?;
        take(&mut index, 4)?;
        decoded.push(Chunk { first_key, stored: take(&mut chunks, stored)?.to_vec(), raw });
    }
    Some(decoded)
}

fn encode_list(list: &[Chunk]) -> (Vec<u8>, Vec<u8>) {
    let (mut chunks, mut index) = (Vec::new(), Vec::new());
    for Chunk { first_key, stored, raw } in list {
        put_varint(first_key.len() as u64, &mut index);
        index.extend(first_key);
        put_varint(stored.len() as u64, &mut index);
        put_varint(*raw, &mut index);
        index.extend(crc32fast::hash(stored).to_le_bytes());
        chunks.extend(stored);
    }
    (chunks, index)
}
