//! How much of something a claim expects.

use std::fmt;

/// A bound, or the very number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    Exactly(f64),
    AtLeast(f64),
    AtMost(f64),
}

impl Amount {
    /// Reads `3`, `at least 3` or `at most 3`, each followed by the unit if there is one.
    pub fn read(text: &str, unit: &str) -> Result<Self, String> {
        let problem = || {
            let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
            format!("expected 3{unit}, at least 3{unit} or at most 3{unit}, not {text:?}")
        };
        let number = match unit {
            "" => text,
            unit => text
                .strip_suffix(unit)
                .and_then(|rest| rest.strip_suffix(' '))
                .ok_or_else(problem)?,
        };
        let (make, number): (fn(f64) -> Self, _) = match number {
            number if number.starts_with("at least ") => {
                (Self::AtLeast, &number["at least ".len()..])
            }
            number if number.starts_with("at most ") => (Self::AtMost, &number["at most ".len()..]),
            number => (Self::Exactly, number),
        };
        number.parse().ok().filter(|number: &f64| number.is_finite()).map(make).ok_or_else(problem)
    }

    /// Whether this many are as expected.
    pub fn holds(self, seen: f64) -> bool {
        match self {
            Self::Exactly(number) => seen == number,
            Self::AtLeast(number) => seen >= number,
            Self::AtMost(number) => seen <= number,
        }
    }

    /// Whether more could be too many: then what is still on its way must be waited for.
    pub fn is_bounded(self) -> bool {
        !matches!(self, Self::AtLeast(_))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(number) => write!(f, "{number}"),
            Self::AtLeast(number) => write!(f, "at least {number}"),
            Self::AtMost(number) => write!(f, "at most {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Amount::{AtLeast, AtMost, Exactly};
    use super::*;

    #[test]
    fn an_amount_is_a_number_or_a_bound_with_its_unit() {
        for (text, unit, amount) in [
            ("3", "", Exactly(3.0)),
            ("at least 0.25", "", AtLeast(0.25)),
            ("at most 400 ms", "ms", AtMost(400.0)),
        ] {
            assert_eq!(Amount::read(text, unit), Ok(amount));
        }
        for (text, unit) in
            [("", ""), ("three", ""), ("NaN", ""), ("3 ms", ""), ("3", "ms"), ("at least", "")]
        {
            let problem = Amount::read(text, unit).unwrap_err();
            assert!(problem.ends_with(&format!("not {text:?}")), "{problem}");
        }
    }

    #[test]
    fn a_bound_is_met_by_itself_and_by_nothing_beyond() {
        for (amount, met) in [
            (Exactly(3.0), [false, true, false]),
            (AtLeast(3.0), [false, true, true]),
            (AtMost(3.0), [true, true, false]),
        ] {
            assert_eq!([2.0, 3.0, 4.0].map(|seen| amount.holds(seen)), met);
        }
    }
}
