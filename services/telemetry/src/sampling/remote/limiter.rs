//! So many a second.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lets so many a second pass, and after a quiet time as many at once, but at least one.
#[derive(Debug)]
pub(super) struct Limiter {
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    credit: f64,
    since: Option<Instant>,
}

impl Limiter {
    /// One that has been quiet. A rate that is no number above 0 lets nothing pass.
    pub fn new(per_second: f64) -> Self {
        let per_second = if per_second > 0.0 { per_second } else { 0.0 };
        Self { per_second, state: Mutex::new(State { credit: per_second.max(1.0), since: None }) }
    }

    pub fn per_second(&self) -> f64 {
        self.per_second
    }

    pub fn allows(&self, now: Instant) -> bool {
        if self.per_second == 0.0 {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.since.replace(now).unwrap_or(now);
        let earned = now.saturating_duration_since(since).as_secs_f64() * self.per_second;
        state.credit = (state.credit + earned).min(self.per_second.max(1.0));
        let is_allowed = state.credit >= 1.0;
        if is_allowed {
            state.credit -= 1.0;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many pass of those that come so often for so long, in milliseconds.
    fn passed(limiter: &Limiter, start: Instant, every: u64, length: u64) -> usize {
        let times = (0..length).step_by(every as usize);
        let times = times.map(|at| start + Duration::from_millis(at));
        times.filter(|now| limiter.allows(*now)).count()
    }

    #[test]
    fn as_many_pass_as_the_rate_says_however_many_come() {
        let start = Instant::now();
        for (per_second, expected) in [(0.5, 31), (1.0, 60), (10.0, 609)] {
            for every in [1, 10, 50] {
                let passed = passed(&Limiter::new(per_second), start, every, 60_000);
                assert!(passed.abs_diff(expected) <= 2, "{per_second}, {every}: {passed}");
            }
        }
    }

    #[test]
    fn after_a_quiet_time_no_more_pass_than_in_a_second() {
        let start = Instant::now();
        let limiter = Limiter::new(10.0);
        assert_eq!(passed(&limiter, start, 1, 2), 2);
        assert_eq!(passed(&limiter, start + Duration::from_secs(3600), 1, 50), 10);
    }

    #[test]
    fn a_rate_that_is_none_lets_nothing_pass() {
        for per_second in [0.0, -1.0, f64::NAN] {
            assert_eq!(passed(&Limiter::new(per_second), Instant::now(), 100, 10_000), 0);
        }
    }
}
