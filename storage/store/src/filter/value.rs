//! What comparisons see of a value.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

use crate::otlp::AnyValue;

/// A value of a span.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Text(&'a str),
    /// An id that is not all zero. Its text is its lower-case hexadecimal digits.
    Id(&'a [u8]),
    Int(i64),
    Double(f64),
    Bool(bool),
    /// A duration's nanoseconds, or an instant's since the Unix epoch.
    Nanos(i128),
    /// Bytes, an array, a map, or nothing set. It is there, but no constant is of its kind, so
    /// that it equals nothing and has no order.
    Opaque,
}

impl<'a> Value<'a> {
    /// An attribute's value.
    pub(super) fn of(value: AnyValue<'a>) -> Self {
        match value {
            AnyValue::String(text) => Self::Text(text),
            AnyValue::Int(number) => Self::Int(number),
            AnyValue::Double(number) => Self::Double(number),
            AnyValue::Bool(truth) => Self::Bool(truth),
            AnyValue::Unset | AnyValue::Array(_) | AnyValue::Map(_) | AnyValue::Bytes(_) => {
                Self::Opaque
            }
        }
    }

    /// An id. One that is not told, or all zero, has the empty text, as in the Collector's pdata.
    pub(super) fn id(id: &'a [u8]) -> Self {
        if id.iter().all(|byte| *byte == 0) { Self::Text("") } else { Self::Id(id) }
    }

    /// Its text, if it is text.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Id(id) => {
                let mut text = String::with_capacity(2 * id.len());
                for byte in id {
                    write!(text, "{byte:02x}").expect("a string takes all that is written");
                }
                Some(text.into())
            }
            _ => None,
        }
    }

    /// Whether it is this text.
    pub(super) fn is_text(self, text: &str) -> bool {
        match self {
            Self::Text(own) => own == text,
            Self::Id(id) => {
                let digit = |digit: u8| char::from_digit(digit.into(), 16);
                text.len() == 2 * id.len()
                    && id
                        .iter()
                        .flat_map(|byte| [byte >> 4, byte & 15])
                        .zip(text.chars())
                        .all(|(own, character)| digit(own) == Some(character))
            }
            _ => false,
        }
    }

    /// Its number, if it is one.
    pub(super) fn number(self) -> Option<Number> {
        match self {
            Self::Int(number) => Some(Number::Whole(number.into())),
            Self::Nanos(nanos) => Some(Number::Whole(nanos)),
            Self::Double(number) => Some(Number::Double(number)),
            _ => None,
        }
    }
}

/// A number, compared exactly: a whole one beyond 2^53 is not made a double.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i128),
    Double(f64),
}

impl Number {
    /// The order of two numbers; none if one is NaN.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => Some(left.cmp(&right)),
            (Self::Double(left), Self::Double(right)) => left.partial_cmp(&right),
            (Self::Whole(left), Self::Double(right)) => whole_with_double(left, right),
            (Self::Double(left), Self::Whole(right)) => {
                whole_with_double(right, left).map(Ordering::reverse)
            }
        }
    }

    pub(super) fn is_nan(self) -> bool {
        matches!(self, Self::Double(number) if number.is_nan())
    }
}

/// `whole` is below 2^66, so that a double beyond 128 bits, which the cast cuts, stays beyond it.
fn whole_with_double(whole: i128, double: f64) -> Option<Ordering> {
    let below = double.trunc();
    let fraction = below.partial_cmp(&double)?;
    Some(whole.cmp(&(below as i128)).then(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_and_doubles_compare_exactly() {
        let cases = [
            (1, 1.5, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (2, 2.0, Ordering::Equal),
            (0, -0.0, Ordering::Equal),
            ((1 << 53) + 1, 2_f64.powi(53), Ordering::Greater),
            (i64::MAX.into(), 2_f64.powi(63), Ordering::Less),
            (i64::MIN.into(), -2_f64.powi(63), Ordering::Equal),
            (i64::MAX.into(), f64::INFINITY, Ordering::Less),
            (i64::MIN.into(), f64::NEG_INFINITY, Ordering::Greater),
            (u64::MAX.into(), 1e300, Ordering::Less),
        ];
        for (whole, double, expected) in cases {
            let (whole, double) = (Number::Whole(whole), Number::Double(double));
            assert_eq!(whole.compare(double), Some(expected), "{whole:?} {double:?}");
            assert_eq!(double.compare(whole), Some(expected.reverse()), "{double:?} {whole:?}");
        }
        assert_eq!(Number::Whole(1).compare(Number::Double(f64::NAN)), None);
        assert_eq!(Number::Double(f64::NAN).compare(Number::Double(f64::NAN)), None);
    }

    #[test]
    fn an_id_is_its_lower_case_digits() {
        let id = Value::id(&[0x0a, 0xf0]);
        assert_eq!(id.text().as_deref(), Some("0af0"));
        for (text, is) in [("0af0", true), ("0AF0", false), ("0af", false), ("0af1", false)] {
            assert_eq!(id.is_text(text), is, "{text}");
        }
        assert!(!id.is_text("é0a"), "of as many bytes, but fewer characters");
        assert!(Value::id(&[0; 8]).is_text(""));
    }
}
