//! Chance that is the same each time, so that what it decides can be expected.

/// A number from 0 up to but not 1, evenly spread over the values of `number` and of `seed`.
pub(crate) fn chance(seed: u64, number: u64) -> f64 {
    let bits = mix(mix(seed) ^ number);
    // As many bits as a float holds exactly.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
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
    fn chance_is_even_and_differs_by_seed() {
        for seed in 0..4 {
            let below = (0..10_000).filter(|number| chance(seed, *number) < 0.1).count();
            assert!((900..1_100).contains(&below), "{below} of 10,000 with seed {seed}");
        }
        assert_ne!(chance(1, 7), chance(2, 7));
        assert_eq!(chance(1, 7), chance(1, 7));
    }
}
