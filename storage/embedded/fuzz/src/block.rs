//! A block, taken apart: its columns can be mutated one by one.

use crate::bytes::{Random, mutate, put_varint, take, u32_at, unpack, varint};

#[derive(Clone, Debug)]
pub struct Block {
    version: u8,
    rows: u64,
    traces: u64,
    /// The number of each, with its slot if it has one, and its bytes.
    columns: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Block {
    pub fn decode(block: &[u8]) -> Option<Self> {
        let directory_len = u32_at(block, 5)? as usize;
        let (mut directory, mut values) =
            (block.get(9..directory_len.checked_sub(4)?)?, block.get(directory_len..)?);
        let (rows, traces) = (varint(&mut directory)?, varint(&mut directory)?);
        let mut columns = Vec::new();
        for _ in 0..varint(&mut directory)? {
            let before = directory;
            if take(&mut directory, 1)?[0] >= 64 {
                varint(&mut directory)?;
            }
            let column = before[..before.len() - directory.len()].to_vec();
            let len = usize::try_from(varint(&mut directory)?).ok()?;
            take(&mut directory, 4)?;
            columns.push((column, take(&mut values, len)?.to_vec()));
        }
        Some(Self { version: block[4], rows, traces, columns })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = b"SpBk".to_vec();
        out.push(self.version);
        out.extend([0; 4]);
        put_varint(self.rows, &mut out);
        put_varint(self.traces, &mut out);
        put_varint(self.columns.len() as u64, &mut out);
        for (column, bytes) in &self.columns {
            out.extend(column);
            put_varint(bytes.len() as u64, &mut out);
            out.extend(crc32fast::hash(bytes).to_le_bytes());
        }
        let len = (out.len() + 4) as u32;
        out[5..9].copy_from_slice(&len.to_le_bytes());
        out.extend(crc32fast::hash(&out).to_le_bytes());
        self.columns.iter().for_each(|(_, bytes)| out.extend(bytes));
        out
    }

    /// The same without compression.
    pub fn unpacked(mut self) -> Self {
        self.columns.iter_mut().for_each(|(_, bytes)| *bytes = unpack(bytes));
        self
    }

    pub fn mutate(&mut self, random: &mut Random) {
        let at = random.below(self.columns.len());
        let choice = random.below(20);
        match self.columns.get_mut(at) {
            Some((_, bytes)) if choice < 16 => mutate(bytes),
            Some((column, _)) if choice == 16 => mutate(column),
            Some(_) if choice == 17 => drop(self.columns.remove(at)),
            _ => {
                let count = if choice == 18 { &mut self.rows } else { &mut self.traces };
                *count = match random.below(3) {
                    0 => count.wrapping_add(1),
                    1 => count.wrapping_sub(1),
                    _ => 1 << random.below(24),
                };
            }
        }
    }
}
