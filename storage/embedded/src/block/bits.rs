//! Numbers of a few bits each, the lowest bit of the first byte first.

/// Writes bits.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    words: Vec<u64>,
    current: u64,
    used: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of the value, 63 at most.
    #[inline]
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        let value = value & ((1 << count) - 1);
        self.current |= value << self.used;
        self.used += count;
        if self.used >= 64 {
            self.words.push(self.current);
            self.used -= 64;
            // Of what did not fit in: all of it when it began at a word's start.
            self.current = value.checked_shr(count - self.used).unwrap_or(0);
        }
    }

    /// Appends all bits to `out`; the last byte is filled with zeros.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        for word in &self.words {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.current.to_le_bytes()[..self.used.div_ceil(8) as usize]);
    }
}

/// Reads bits. Behind the last byte there are zeros.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// A reader from this bit on.
    pub(crate) fn at(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    /// The next `count` bits, 63 at most.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        let (byte, shift) = (self.position / 8, self.position as u32 % 8);
        self.position += count as usize;
        let mut value = self.word(byte) >> shift;
        if shift + count > 64 {
            value |= self.word(byte + 8) << (64 - shift);
        }
        value & ((1 << count) - 1)
    }

    #[inline]
    fn word(&self, byte: usize) -> u64 {
        let rest = self.bytes.get(byte..).unwrap_or_default();
        match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_every_count_come_back() {
        let values: Vec<(u64, u32)> = (0..2_000)
            .map(|i| (0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(i), (i * 31 % 64) as u32))
            .collect();
        let mut writer = BitWriter::default();
        values.iter().for_each(|(value, count)| writer.put(*value, *count));
        let mut out = Vec::new();
        writer.finish(&mut out);
        let total: usize = values.iter().map(|(_, count)| *count as usize).sum();
        assert_eq!(out.len(), total.div_ceil(8));
        let mut reader = BitReader::new(&out);
        for (value, count) in values {
            assert_eq!(reader.take(count), value & ((1 << count) - 1));
        }
        assert_eq!(reader.take(63), 0);
    }
}
