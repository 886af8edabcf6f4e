//! A set of rows or blocks, by their numbers.

/// A set of numbers below a fixed length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    // Bits at and beyond `len` are zero.
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// The empty set of numbers below `len`.
    pub fn none(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)], len }
    }

    /// All numbers below `len`.
    pub fn all(len: usize) -> Self {
        let mut all = Self { words: vec![u64::MAX; len.div_ceil(64)], len };
        all.clear_beyond_len();
        all
    }

    /// The set whose bits these words hold, the lowest first. Bits at and beyond `len` and missing
    /// words count as zero.
    pub fn from_words(mut words: Vec<u64>, len: usize) -> Self {
        words.resize(len.div_ceil(64), 0);
        let mut set = Self { words, len };
        set.clear_beyond_len();
        set
    }

    /// What all numbers of the set lie below.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no number is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether some number is in the set.
    pub fn any(&self) -> bool {
        !self.is_empty()
    }

    /// How many numbers are in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the number is in the set. Those at and beyond the length are not.
    pub fn contains(&self, number: usize) -> bool {
        number < self.len && self.words[number / 64] >> (number % 64) & 1 == 1
    }

    /// Adds a number. One at or beyond the length is left out.
    pub fn insert(&mut self, number: usize) {
        if number < self.len {
            self.words[number / 64] |= 1 << (number % 64);
        }
    }

    /// Keeps what is in the other set too. Both have the same length.
    pub fn intersect(&mut self, other: &Self) {
        self.combine(other, |word, other| word & other);
    }

    /// Adds what is in the other set. Both have the same length.
    pub fn unite(&mut self, other: &Self) {
        self.combine(other, |word, other| word | other);
    }

    /// Takes out what is in the other set. Both have the same length.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, |word, other| word & !other);
    }

    /// Makes it the set of all numbers that were not in it.
    pub fn invert(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.clear_beyond_len();
    }

    /// The numbers of the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    index * 64 + bit
                })
            })
        })
    }

    fn combine(&mut self, other: &Self, operation: impl Fn(u64, u64) -> u64) {
        debug_assert_eq!(self.len, other.len, "sets of the same numbers");
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = operation(*word, *other);
        }
    }

    fn clear_beyond_len(&mut self) {
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= (1 << used) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(len: usize, numbers: &[usize]) -> Bitmap {
        let mut set = Bitmap::none(len);
        numbers.iter().for_each(|number| set.insert(*number));
        set
    }

    #[test]
    fn operations_are_those_of_sets() {
        let len = 130;
        let some = set(len, &[0, 63, 64, 100, 129]);
        let others = set(len, &[1, 63, 100]);
        let with = |operation: fn(&mut Bitmap, &Bitmap)| {
            let mut result = some.clone();
            operation(&mut result, &others);
            result.iter().collect::<Vec<_>>()
        };
        assert_eq!(with(Bitmap::intersect), [63, 100]);
        assert_eq!(with(Bitmap::unite), [0, 1, 63, 64, 100, 129]);
        assert_eq!(with(Bitmap::subtract), [0, 64, 129]);
        assert_eq!(some.count(), 5);
        assert!(some.contains(129) && !some.contains(128) && !some.contains(usize::MAX));
    }

    #[test]
    fn the_inverse_ends_at_the_length() {
        for len in [0, 1, 63, 64, 65, 128] {
            let mut none = Bitmap::none(len);
            none.invert();
            assert_eq!(none, Bitmap::all(len));
            assert_eq!(none.iter().collect::<Vec<_>>(), (0..len).collect::<Vec<_>>());
            assert_eq!(Bitmap::from_words(vec![u64::MAX; 9], len), none);
            none.invert();
            assert!(none.is_empty());
        }
    }

    #[test]
    fn numbers_beyond_the_length_are_left_out() {
        let mut none = Bitmap::none(3);
        none.insert(3);
        none.insert(64);
        assert!(none.is_empty());
    }
}
