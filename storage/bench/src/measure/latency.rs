use std::time::Duration;

/// Times of the same thing done again and again.
#[derive(Clone, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds; the greatest one where there are too few for the percentile to be another.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // The least one that is not below so many of them.
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_least_latency_that_so_many_do_not_exceed() {
        let mut latencies = Latencies::default();
        (1..=200).for_each(|millis| latencies.add(Duration::from_millis(millis)));
        assert_eq!(latencies.percentile(50), 100.0);
        assert_eq!(latencies.percentile(99), 198.0);
        let mut few = Latencies::default();
        (1..=3).for_each(|millis| few.add(Duration::from_millis(millis)));
        assert_eq!((few.percentile(50), few.percentile(99)), (2.0, 3.0));
    }
}
