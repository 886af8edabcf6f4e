//! Random numbers whose sequence is the same for ever: no version of a dependency and no
//! platform's mathematical library may change the bytes that a seed stands for. That is why the
//! logarithm and the exponential function are written out, in operations that IEEE 754 rounds
//! exactly.

/// xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators").
#[derive(Clone)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    pub fn new(mut seed: u64) -> Self {
        // Seeded by SplitMix64, as the generator's authors advise.
        let state = std::array::from_fn(|_| {
            seed = seed.wrapping_add(GOLDEN);
            finalize(seed)
        });
        Self { state }
    }

    pub fn next(&mut self) -> u64 {
        let [a, b, _, d] = self.state;
        let state = &mut self.state;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= b << 17;
        state[3] = state[3].rotate_left(45);
        a.wrapping_add(d).rotate_left(23).wrapping_add(a)
    }

    /// At least 0 and below 1.
    pub fn unit(&mut self) -> f64 {
        // As many bits as a double holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `bound`, which is above zero.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }

    /// Intervals between events that don't know of each other.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * ln(1.0 - self.unit())
    }

    /// Latencies and sizes: most are near the median, a few are many times that. `spread` is the
    /// standard deviation of the logarithm.
    pub fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        median * exp(spread * self.normal())
    }

    /// Standard normal, by Marsaglia's polar method.
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }
}

/// Ranks whose frequency falls with their number: the first is the most frequent one.
pub struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    pub fn new(ranks: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let weights = (1..=ranks).map(|rank| exp(-exponent * ln(rank as f64)));
        let cumulative = weights.map(|weight| {
            sum += weight;
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    pub fn rank(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or_default();
        let drawn = random.unit() * total;
        self.cumulative.partition_point(|sum| *sum <= drawn).min(self.cumulative.len() - 1)
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A value that looks random and follows from its arguments alone: what belongs to one product
/// or one connection is the same wherever it occurs.
pub fn mix(kind: &str, number: u64) -> u64 {
    let kind = kind.bytes().fold(0, |hash: u64, byte| finalize(hash ^ u64::from(byte)));
    finalize(kind ^ number.wrapping_mul(GOLDEN).wrapping_add(GOLDEN))
}

fn finalize(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The natural logarithm of a positive, normal number.
fn ln(number: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = number.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & MANTISSA) | 1.0_f64.to_bits());
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 artanh s, whose series ends below a double's precision, for |s| < 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..12).rev().fold(0.0, |sum, term| sum * square + 1.0 / f64::from(2 * term + 1));
    2.0 * s * series + exponent as f64 * std::f64::consts::LN_2
}

/// e to the power of a number between -700 and 700.
fn exp(number: f64) -> f64 {
    let power = (number / std::f64::consts::LN_2).round();
    let rest = number - power * std::f64::consts::LN_2;
    // Taylor's series, which ends below a double's precision, for |rest| < 0.347.
    let series = (1..18).rev().fold(1.0, |sum, term| 1.0 + sum * rest / f64::from(term));
    series * f64::from_bits(((power as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_are_those_of_the_platform_but_for_rounding() {
        for number in [1e-9, 0.3, 0.999, 1.0, 1.5, 2.0, 123.456, 1e12] {
            assert!((ln(number) - f64::ln(number)).abs() < 1e-13 * f64::ln(number).abs().max(1.0));
        }
        for number in [-20.0, -1.0, -0.1, 0.0, 0.5, 3.0, 25.0] {
            assert!((exp(number) / f64::exp(number) - 1.0).abs() < 1e-13);
        }
    }

    #[test]
    fn a_log_normal_has_the_median_and_the_spread_it_is_asked_for() {
        let mut random = Random::new(1);
        let mut drawn: Vec<_> = (0..20_001).map(|_| random.log_normal(100.0, 0.5)).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((drawn[10_000] / 100.0 - 1.0).abs() < 0.03, "{}", drawn[10_000]);
        // One standard deviation above the median.
        assert!((drawn[16_827] / 164.9 - 1.0).abs() < 0.05, "{}", drawn[16_827]);
    }

    #[test]
    fn a_zipf_rank_is_as_frequent_as_its_number_says() {
        let (zipf, mut random) = (Zipf::new(100, 1.0), Random::new(2));
        let mut counts = [0; 100];
        (0..100_000).for_each(|_| counts[zipf.rank(&mut random)] += 1);
        let ratio = f64::from(counts[0]) / f64::from(counts[9]);
        assert!((9.0..11.0).contains(&ratio), "{ratio}");
    }
}
