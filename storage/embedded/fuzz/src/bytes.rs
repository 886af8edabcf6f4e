//! Mutating bytes, and the integers of the format.

use libfuzzer_sys::fuzzer_mutate;

/// The least that mutated bytes may grow by.
const ROOM: usize = 64;

/// Random numbers; the same ones for the same seed (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u32) -> Self {
        Self(u64::from(seed) << 1 | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}

/// Changes, adds or removes some bytes, as libFuzzer does by itself.
pub fn mutate(bytes: &mut Vec<u8>) {
    let len = bytes.len();
    bytes.resize(len + (len / 4).max(ROOM), 0);
    let room = bytes.len();
    let len = fuzzer_mutate(bytes, len, room);
    bytes.truncate(len);
}

/// For `fuzz_mutator`: makes another input of one, or begins anew with one of the seeds, as it does
/// where `mutate` knows no way.
pub fn mutated_input(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    seeds: &[Vec<u8>],
    mutate: impl FnOnce(&[u8], &mut Random) -> Option<Vec<u8>>,
) -> usize {
    let mut random = Random::new(seed);
    let known = if random.below(500) > 0 { mutate(&data[..size], &mut random) } else { None };
    let mutated = known.as_ref().unwrap_or_else(|| &seeds[random.below(seeds.len())]);
    // Now and then also what no checksum covers.
    if random.below(30) == 0 || mutated.len() > max_size {
        return fuzzer_mutate(data, size, max_size);
    }
    data[..mutated.len()].copy_from_slice(mutated);
    mutated.len()
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Takes a varint off the front.
pub fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Takes so many bytes off the front.
pub fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Replaces compressed runs ("packed" in `docs/format.md`) by what they hold, so that mutations
/// reach it.
pub fn unpack(column: &[u8]) -> Vec<u8> {
    const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let mut out = Vec::new();
    let mut at = 0;
    while at < column.len() {
        let mut frame = &column[at..];
        let header = varint(&mut frame);
        if let Some(header) = header
            && header & 1 == 1
            && frame.starts_with(&ZSTD)
            && let Some(stored) = take(&mut frame, (header >> 1) as usize)
            && let Ok(raw) = zstd::bulk::decompress(stored, 1 << 20)
        {
            put_varint((raw.len() as u64) << 1, &mut out);
            out.extend(raw);
            at = column.len() - frame.len();
        } else {
            out.push(column[at]);
            at += 1;
        }
    }
    out
}
