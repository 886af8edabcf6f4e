//! A manifest, whose body can be mutated.

use crate::bytes::{Random, mutate, u32_at};

/// The bytes of a manifest like this one.
pub fn mutated(manifest: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let record = &manifest[..manifest.len() / 2];
    let mut version = u32_at(record, 8)?;
    let mut body = record.get(16..record.len().checked_sub(4)?)?.to_vec();
    if random.below(30) == 0 {
        version = random.below(4) as u32;
    } else {
        mutate(&mut body);
    }
    let mut mutated = b"SPOORman".to_vec();
    mutated.extend(version.to_le_bytes());
    mutated.extend((body.len() as u32).to_le_bytes());
    mutated.extend(body);
    mutated.extend(crc32fast::hash(&mutated).to_le_bytes());
    Some(mutated.repeat(2))
}
