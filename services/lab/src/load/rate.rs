//! How often.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The rate when none is told.
pub const DEFAULT: &str = "2";
/// More cannot be paced by timers that count milliseconds.
const MAX: f64 = 1_000.0;
/// Less than one in a day is as good as none.
const MIN: f64 = 1.0 / 86_400.0;

/// Requests a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Rate(f64);

impl Rate {
    pub fn per_second(self) -> f64 {
        self.0
    }
}

/// The rate of an option or its variable, which Compose gives an empty value if it is not set.
pub fn given(text: &str) -> Result<Rate, String> {
    if text.is_empty() { DEFAULT } else { text }.parse()
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
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
        for (text, per_second) in [("200", 200.0), ("2", 2.0), ("", 2.0), ("0.5", 0.5), ("0", 0.0)]
        {
            assert_eq!(given(text).unwrap().per_second(), per_second, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_kept_up_is_refused() {
        for text in ["", "-1", "NaN", "inf", "1001", "1e-300", "two"] {
            let problem = text.parse::<Rate>().unwrap_err();
            assert_eq!(problem, "expected a number from 0 to 1000", "{text}");
        }
    }
}
