//! Chance that is the same each time for the same name and seed, on every machine and for good: a
//! generator of a library may change what it gives.

/// A sequence of chances.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The one of a name and a seed.
    pub fn new(name: &str, seed: u64) -> Self {
        Self(name.bytes().fold(mix(seed), |state, byte| mix(state ^ u64::from(byte))))
    }

    fn next(&mut self) -> u64 {
        self.0 = mix(self.0);
        // What is given tells nothing of what comes next.
        mix(!self.0)
    }

    /// From 0 up to but not 1.
    pub fn chance(&mut self) -> f64 {
        // As many bits as a float holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in between, both ends included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    /// One of them.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.between(0, of.len() as u64 - 1) as usize]
    }
}

/// One step of [SplitMix64](https://prng.di.unimi.it/splitmix64.c).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_and_seed_give_the_same_and_others_others() {
        let taken = |name, seed| {
            let mut dice = Dice::new(name, seed);
            (0..20).map(|_| dice.between(0, 9)).collect::<Vec<_>>()
        };
        assert_eq!(taken("a", 1), taken("a", 1));
        assert_ne!(taken("a", 1), taken("a", 2));
        assert_ne!(taken("a", 1), taken("b", 1));
    }

    #[test]
    fn a_number_in_between_is_any_of_them_as_often_as_another() {
        let mut dice = Dice::new("even", 0);
        let mut counts = [0; 4];
        for _ in 0..10_000 {
            counts[dice.between(3, 6) as usize - 3] += 1;
        }
        assert!(counts.iter().all(|count| (2_300..2_700).contains(count)), "{counts:?}");
        assert!((0..1_000).all(|_| (0.0..1.0).contains(&dice.chance())));
    }
}
