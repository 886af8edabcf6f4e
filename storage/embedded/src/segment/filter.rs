//! The Bloom filters of blocks.

/// What the grid of sizes aims at. With [`PROBES`] about 1 % of what is not in a block passes.
const BITS_PER_ENTRY: u64 = 10;

/// How many bits an entry sets.
pub(crate) const PROBES: u32 = 7;

/// 2^16 times 2^(0/4), 2^(1/4), 2^(2/4) and 2^(3/4).
const QUARTER_POWERS: [u64; 4] = [65_536, 77_936, 92_682, 110_218];

/// 2^16 divided by 2^(1/8): half a step of the grid.
const HALF_STEP: u64 = 60_097;

/// Steps of the grid: from 2^6 to below 2^32.
const GRID: std::ops::Range<usize> = 24..128;

/// The bits that the entries of blocks set, block by block.
///
/// The number of bits is one of a geometric grid, so that blocks which are alike have the same
/// and can share a matrix.
///
/// All lie in one piece of memory: thousands of pieces of some KiB each would leave holes behind
/// that nothing else fits into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Of each filter, its number of bits and its first word.
    places: Vec<(u32, usize)>,
    words: Vec<u64>,
}

impl Filters {
    /// Appends the filter of these entries, which are good hashes. One that is there twice costs
    /// its bits.
    pub fn push(&mut self, entries: &[u64]) {
        let bits = grid_bits(entries.len());
        let words = self.push_empty(bits);
        for entry in entries {
            for position in positions(*entry, bits) {
                words[position as usize / 64] |= 1 << (position % 64);
            }
        }
    }

    /// Appends a filter in which no bit is set.
    pub(crate) fn push_empty(&mut self, bits: u32) -> &mut [u64] {
        let start = self.words.len();
        self.places.push((bits, start));
        self.words.resize(start + (bits as usize).div_ceil(64), 0);
        &mut self.words[start..]
    }

    /// Appends a filter of others.
    pub(crate) fn push_copy(&mut self, filter: Filter<'_>) {
        self.push_empty(filter.bits).copy_from_slice(filter.words);
    }

    /// The number of filters.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// One of them.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn get(&self, index: usize) -> Filter<'_> {
        let (bits, start) = self.places[index];
        Filter { bits, words: &self.words[start..][..(bits as usize).div_ceil(64)] }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Filter<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Sets 64 bits of a filter, beginning with that number 64 times `word`.
    pub(crate) fn set_word(&mut self, index: usize, word: usize, bits: u64) {
        self.words[self.places[index].1 + word] = bits;
    }

    /// What they take in memory, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.places.len() * size_of::<(u32, usize)>() + self.words.len() * size_of::<u64>()
    }
}

/// The filter of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'f> {
    bits: u32,
    words: &'f [u64],
}

impl Filter<'_> {
    /// The number of bits.
    pub(crate) fn bits(self) -> u32 {
        self.bits
    }

    /// Whether it may have the entry.
    pub(crate) fn passes(self, entry: u64) -> bool {
        positions(entry, self.bits)
            .all(|position| self.words[position as usize / 64] >> (position % 64) & 1 == 1)
    }

    /// 64 bits, beginning with that number 64 times `index`. Those beyond the last are zero.
    pub(crate) fn word(self, index: usize) -> u64 {
        self.words[index]
    }
}

/// The value of the grid that is nearest to [`BITS_PER_ENTRY`], as a ratio.
fn grid_bits(entries: usize) -> u32 {
    // More entries than 2^32 bits serve make a filter that passes more, never less.
    let wanted = (entries as u64).min(1 << 40) * BITS_PER_ENTRY;
    let least = (wanted * HALF_STEP) >> 16;
    let size = |step: usize| (QUARTER_POWERS[step % 4] << (step / 4)) >> 16;
    let step = GRID.clone().find(|step| size(*step) >= least).unwrap_or(GRID.end - 1);
    size(step) as u32
}

/// The bits of an entry: double hashing, each sum mapped to the range by the high half of its
/// product with it.
pub(crate) fn positions(hash: u64, bits: u32) -> impl Iterator<Item = u32> {
    let step = hash.rotate_left(32) | 1;
    (0..u64::from(PROBES)).map(move |probe| {
        let sum = hash.wrapping_add(step.wrapping_mul(probe));
        ((u128::from(sum) * u128::from(bits)) >> 64) as u32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(range: std::ops::Range<u64>) -> Vec<u64> {
        range.map(|number| xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes())).collect()
    }

    #[test]
    fn every_entry_passes_and_about_one_percent_of_others() {
        for entries in [1, 50, 1_000, 20_000, 23_000, 27_000] {
            let mut filters = Filters::default();
            filters.push(&hashes(0..entries));
            let filter = filters.get(0);
            assert!(hashes(0..entries).iter().all(|hash| filter.passes(*hash)));
            let others = hashes(1_000_000..1_200_000);
            let passed = others.iter().filter(|hash| filter.passes(**hash)).count();
            let rate = passed as f64 / others.len() as f64;
            assert!(rate < 0.015, "{entries} entries: {rate}");
        }
    }

    #[test]
    fn sizes_are_on_a_grid_near_ten_bits_an_entry() {
        let mut sizes = std::collections::BTreeSet::new();
        for entries in 10..100_000 {
            let bits = grid_bits(entries);
            let ratio = f64::from(bits) / entries as f64;
            assert!((9.1..11.0).contains(&ratio), "{entries}: {ratio}");
            sizes.insert(bits);
        }
        // From 2^6.6 to 2^19.9 in quarters.
        assert_eq!(sizes.len(), 54);
    }

    #[test]
    fn any_number_of_entries_has_a_size() {
        assert_eq!(grid_bits(0), 64);
        assert_eq!(grid_bits(usize::MAX), ((110_218_u64 << 31) >> 16) as u32);
    }
}
