//! When requests are due: by the clock alone, however late the answers to those before are.

use std::time::Duration;

use super::rate::Rate;

/// The times of the arrivals at a rate, since the begin.
#[derive(Clone, Debug)]
pub struct Schedule {
    rate: Rate,
    /// For how long the rate rises from 0.
    ramp: Duration,
    /// Since when the rate holds.
    since: Duration,
    /// How many arrivals were due by then and had not come, with a fraction of the next.
    owed: f64,
    /// How many have been due after that.
    arrived: u64,
}

impl Schedule {
    /// The first is due at once. With a ramp the rate rises evenly over that time.
    pub fn new(rate: Rate, ramp: Duration) -> Self {
        Self { rate, ramp, since: Duration::ZERO, owed: 1.0, arrived: 0 }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// When the next is due, unless none is.
    pub fn next(&self) -> Option<Duration> {
        let count = (self.arrived + 1) as f64 - self.owed;
        Some(self.since + Duration::from_secs_f64(self.time_of(count.max(0.0))?))
    }

    /// The next has come.
    pub fn arrive(&mut self) {
        self.arrived += 1;
    }

    /// Changes the rate at once. What was due by `now` and has not come is due now: timers are late
    /// by a millisecond or so, in which there may be more than one.
    pub fn change(&mut self, rate: Rate, now: Duration) {
        self.owed = (self.due_by(now) - self.arrived as f64).max(0.0);
        (self.rate, self.ramp, self.since, self.arrived) = (rate, Duration::ZERO, now, 0);
    }

    /// Passes over those that are due by `now`, and tells how many.
    pub fn skip(&mut self, now: Duration) -> u64 {
        let skipped = (self.due_by(now) as u64).saturating_sub(self.arrived);
        self.arrived += skipped;
        skipped
    }

    /// How many are due from the time that the rate holds until `now`, with what was owed then.
    fn due_by(&self, now: Duration) -> f64 {
        let (rate, ramp) = (self.rate.per_second(), self.ramp.as_secs_f64());
        let passed = now.saturating_sub(self.since).as_secs_f64();
        let count = match passed < ramp {
            true => rate * passed * passed / (2.0 * ramp),
            false => rate * (passed - ramp / 2.0),
        };
        self.owed + count
    }

    /// After how many seconds at this rate so many are due.
    fn time_of(&self, count: f64) -> Option<f64> {
        let (rate, ramp) = (self.rate.per_second(), self.ramp.as_secs_f64());
        let in_ramp = rate * ramp / 2.0;
        match () {
            () if rate == 0.0 => None,
            () if count < in_ramp => Some((2.0 * count * ramp / rate).sqrt()),
            () => Some(ramp + (count - in_ramp) / rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: &str) -> Rate {
        per_second.parse().unwrap()
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// How many are due before `end`; they have come then.
    fn count(schedule: &mut Schedule, end: f64) -> usize {
        let mut count = 0;
        while schedule.next().is_some_and(|due| due < seconds(end)) {
            schedule.arrive();
            count += 1;
        }
        count
    }

    #[test]
    fn arrivals_are_evenly_spaced_from_the_begin_on() {
        let mut schedule = Schedule::new(rate("50"), Duration::ZERO);
        for number in 0..200 {
            let off = schedule.next().unwrap().as_secs_f64() - f64::from(number) * 0.02;
            assert!(off.abs() < 1e-6, "{number}: {off}");
            schedule.arrive();
        }
        assert_eq!(count(&mut Schedule::new(rate("50"), Duration::ZERO), 30.0), 1_500);
        assert_eq!(Schedule::new(rate("0"), Duration::ZERO).next(), None);
    }

    #[test]
    fn over_a_ramp_half_as_many_are_due_as_in_the_same_time_after_it() {
        let mut schedule = Schedule::new(rate("100"), seconds(10.0));
        assert_eq!(count(&mut schedule, 5.0), 125);
        assert_eq!(count(&mut schedule, 10.0), 375);
        assert_eq!(count(&mut schedule, 20.0), 1_000);
    }

    #[test]
    fn a_change_of_rate_loses_and_repeats_no_arrival() {
        let mut schedule = Schedule::new(rate("10"), Duration::ZERO);
        // At 0.95 half of the next is owed: at 100 a second it is due 5 ms later.
        assert_eq!(count(&mut schedule, 0.95), 10);
        schedule.change(rate("100"), seconds(0.95));
        let due = schedule.next().unwrap().as_secs_f64();
        assert!((due - 0.955).abs() < 1e-6, "{due}");
        assert_eq!(count(&mut schedule, 1.95), 100);
        schedule.change(rate("0"), seconds(1.95));
        assert_eq!(schedule.next(), None);
        schedule.change(rate("1"), seconds(60.0));
        assert_eq!(count(&mut schedule, 70.0), 10);
    }

    #[test]
    fn a_change_that_comes_before_what_is_due_loses_none_of_it() {
        let mut schedule = Schedule::new(rate("1000"), Duration::ZERO);
        assert_eq!(count(&mut schedule, 0.0995), 100);
        // 100 to 102 are due.
        schedule.change(rate("1"), seconds(0.1025));
        assert_eq!(count(&mut schedule, 0.1026), 3);
        let due = schedule.next().unwrap().as_secs_f64();
        assert!((due - 0.6025).abs() < 1e-6, "{due}");
    }

    #[test]
    fn what_is_passed_over_is_counted_and_not_made_up_for() {
        let mut schedule = Schedule::new(rate("10"), Duration::ZERO);
        assert_eq!(count(&mut schedule, 1.0), 10);
        assert_eq!(schedule.skip(seconds(3.05)), 21);
        assert_eq!(schedule.skip(seconds(3.05)), 0);
        let due = schedule.next().unwrap().as_secs_f64();
        assert!((due - 3.1).abs() < 1e-6, "{due}");
    }
}
