//! How often.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The rate when none is told.
pub const DEFAULT: &str = "2";
/// More cannot be paced by timers that count milliseconds.
const MAX: f64 = 1_000.0;
/// Less than one in a day is as good as none.
const MIN: f64 = 1.0 / 86_400.0;

/// Requests a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(f64);

impl Rate {
    /// The time from one request to the next, if there are any.
    pub fn period(self) -> Option<Duration> {
        (self.0 > 0.0).then(|| Duration::from_secs_f64(1.0 / self.0))
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Compose gives a variable that is not set an empty value.
        let text = if text.is_empty() { DEFAULT } else { text };
        match text.parse() {
            Ok(rate) if rate == 0.0 || (MIN..=MAX).contains(&rate) => Ok(Self(rate)),
            _ => Err(format!("expected a number from 0 to {MAX}")),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0.0 => f.write_str("nothing: the rate is 0"),
            rate => write!(f, "{rate} requests a second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_of_requests_a_second_and_may_be_a_fraction() {
        for (text, period) in [("200", 5), ("2", 500), ("", 500), ("0.5", 2_000)] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.period(), Some(Duration::from_millis(period)), "{text}");
        }
        assert_eq!("0".parse::<Rate>().unwrap().period(), None);
    }

    #[test]
    fn what_cannot_be_kept_up_is_refused() {
        for text in ["-1", "NaN", "inf", "1001", "1e-300", "two"] {
            let problem = text.parse::<Rate>().unwrap_err();
            assert_eq!(problem, "expected a number from 0 to 1000", "{text}");
        }
    }
}
