//! How long requests took, in little memory however many there were.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// The values between two powers of two share 2 to the power of this many buckets: what is told is
/// at most 1 % too much.
const STEPS: u32 = 7;

/// A histogram whose buckets widen with the values, as those of HdrHistogram do, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// By its number, how many are in a bucket.
    buckets: BTreeMap<u32, u64>,
    count: u64,
    max: Duration,
}

/// What is told of them, in milliseconds; null where there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p99_9: Option<f64>,
    pub max: Option<f64>,
}

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        *self.buckets.entry(bucket(micros)).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(latency);
    }

    pub fn percentiles(&self) -> Percentiles {
        Percentiles {
            p50: self.quantile(500),
            p90: self.quantile(900),
            p99: self.quantile(990),
            p99_9: self.quantile(999),
            max: (self.count > 0).then(|| milliseconds(self.max)),
        }
    }

    /// In milliseconds, what so many of a thousand do not exceed.
    fn quantile(&self, thousandths: u64) -> Option<f64> {
        let rank = (self.count * thousandths).div_ceil(1_000);
        let mut passed = 0;
        let (bucket, _) = self.buckets.iter().find(|(_, count)| {
            passed += **count;
            passed >= rank
        })?;
        let highest = Duration::from_micros(highest(*bucket));
        Some(milliseconds(highest.min(self.max)))
    }
}

/// To a thousandth, as exact as they are measured.
pub fn milliseconds(latency: Duration) -> f64 {
    latency.as_micros() as f64 / 1e3
}

/// The number of the bucket of a value: its highest bits, which are a step, and their place.
fn bucket(micros: u64) -> u32 {
    let place = (64 - STEPS).saturating_sub(micros.leading_zeros() + 1);
    let step = (micros >> place) as u32;
    (place << STEPS) + step
}

/// The highest value in a bucket.
fn highest(bucket: u32) -> u64 {
    // What is below the first place has buckets of one value.
    let place = (bucket >> STEPS).saturating_sub(1);
    let step = u64::from(bucket - (place << STEPS));
    ((step + 1) << place).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_values_and_is_at_most_a_hundredth_wide() {
        let mut last = None;
        for exponent in 0..24 {
            for value in [1_u64 << exponent, (1 << exponent) + 1, (1 << exponent) * 3 / 2] {
                let highest = highest(bucket(value));
                assert!(highest >= value, "{value}: {highest}");
                assert!((highest - value) as f64 <= 0.01 * value as f64, "{value}: {highest}");
                assert_eq!(bucket(highest), bucket(value), "{value}");
                assert_ne!(bucket(highest + 1), bucket(value), "{value}");
            }
            assert!(last < Some(bucket(1 << exponent)));
            last = Some(bucket(1 << exponent));
        }
        assert_eq!((bucket(0), highest(0)), (0, 0));
    }

    #[test]
    fn percentiles_are_of_all_values_and_none_exceeds_the_greatest() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentiles(), Percentiles::default());
        for milliseconds in (1..=1_000).rev() {
            latencies.add(Duration::from_millis(milliseconds));
        }
        let Percentiles { p50, p90, p99, p99_9, max } = latencies.percentiles();
        for (told, exact) in [(p50, 500.0), (p90, 900.0), (p99, 990.0), (p99_9, 999.0)] {
            let told = told.unwrap();
            assert!((exact..=exact * 1.01).contains(&told), "{told} instead of {exact}");
        }
        assert_eq!(max, Some(1_000.0));

        let mut one = Latencies::default();
        one.add(Duration::from_micros(12_345));
        let Percentiles { p50, max, .. } = one.percentiles();
        assert_eq!((p50, max), (Some(12.345), Some(12.345)));
    }
}
