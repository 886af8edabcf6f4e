use std::ops::Range;

use super::random::Random;

/// What a drive writes wholly or not at all.
const SECTOR: usize = 512;

/// A file's bytes, and which of them would outlive a power cut.
#[derive(Clone, Default)]
pub(super) struct Content {
    /// What a running process reads.
    bytes: Vec<u8>,
    /// Where the bytes begin that no sync covers.
    synced: usize,
    /// Bytes that a failed sync forgot: no later sync writes them.
    lost: Vec<Range<usize>>,
    /// What was synced before the file was truncated, until that is synced too.
    truncated: Option<Vec<u8>>,
}

impl Content {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn truncate(&mut self) {
        let mut old = std::mem::take(self);
        old.bytes.truncate(old.synced);
        self.truncated = old.truncated.or(Some(old.bytes));
    }

    pub(super) fn sync(&mut self) {
        self.synced = self.bytes.len();
        self.truncated = None;
    }

    /// A sync that fails and forgets what it should have written, as Linux's do.
    pub(super) fn lose(&mut self) {
        let known = self.lost.last().map_or(0, |lost| lost.end).max(self.synced);
        self.lost.push(known..self.bytes.len());
    }

    pub(super) fn flip(&mut self, offset: usize, mask: u8) {
        self.bytes[offset] ^= mask;
    }

    /// What is found after a power cut. Synced bytes stay; the others, their length included,
    /// were written by then or not, in any order.
    pub(super) fn after_power_cut(&self, random: &mut Random) -> Self {
        if let Some(old) = &self.truncated
            && random.flip()
        {
            return Self { bytes: old.clone(), synced: old.len(), ..Self::default() };
        }
        let mut bytes = self.bytes.clone();
        for lost in &self.lost {
            tear(&mut bytes, lost.clone(), random);
        }
        let unsynced = self.synced..bytes.len();
        let torn_at = unsynced.start + random.below(unsynced.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(unsynced.start),
            1 => {}
            2 => bytes.truncate(torn_at),
            3 => tear(&mut bytes, unsynced, random),
            _ => {
                tear(&mut bytes, unsynced, random);
                bytes.truncate(torn_at);
            }
        }
        Self { synced: bytes.len(), bytes, ..Self::default() }
    }
}

/// Leaves some of the range's sectors unwritten: zeros, or what was there in another life.
fn tear(bytes: &mut [u8], range: Range<usize>, random: &mut Random) {
    let stale = random.flip();
    let unwritten_of_4 = 1 + random.below(4);
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min((start / SECTOR + 1) * SECTOR);
        if random.below(4) < unwritten_of_4 {
            bytes[start..end].fill_with(|| if stale { random.next() as u8 } else { 0 });
        }
        start = end;
    }
}
