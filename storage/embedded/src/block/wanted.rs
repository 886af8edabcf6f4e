//! Which values are looked for.

use spoor_store::otlp::{AnyValue, text_of};

use super::attributes::{bytes_value, number_value};
use crate::rows::ValueKind;

type OfBytes<'t> = dyn Fn(&[u8]) -> bool + 't;
type OfNumber<'t> = dyn Fn(u64) -> bool + 't;

/// Values that are looked for.
#[derive(Clone, Copy)]
pub enum Sought<'t> {
    /// Those with this text form ([`spoor_store::otlp::text_of`]).
    TextForm(&'t str),
    /// Those for which this holds.
    Passing(&'t dyn Fn(AnyValue<'_>) -> bool),
}

impl Sought<'_> {
    /// Whether the value is one of them.
    pub fn is(&self, value: AnyValue<'_>) -> bool {
        match self {
            Self::TextForm(text) => text_of(value) == *text,
            Self::Passing(passes) => passes(value),
        }
    }
}

/// The values of one type that are looked for.
pub(crate) enum Wanted<'t> {
    /// All that there are: they have no value.
    Any,
    /// Values that are kept as bytes; `len` is how many these are, if only such are wanted.
    Text { len: Option<usize>, is_wanted: Box<OfBytes<'t>> },
    /// Values that are kept as numbers.
    Number(Box<OfNumber<'t>>),
}

impl<'t> Wanted<'t> {
    /// None if no value of the type is looked for.
    pub(crate) fn of(kind: ValueKind, sought: Sought<'t>) -> Option<Self> {
        match sought {
            Sought::TextForm(text) => Self::of_form(kind, text),
            Sought::Passing(passes) => Self::that_pass(kind, passes),
        }
    }

    fn that_pass(kind: ValueKind, passes: &'t dyn Fn(AnyValue<'_>) -> bool) -> Option<Self> {
        let of_bytes = move |bytes: &[u8]| match bytes_value(kind, bytes) {
            Some(value) => passes(value),
            None => str::from_utf8(bytes).is_ok_and(|text| passes(AnyValue::String(text))),
        };
        Some(match kind {
            ValueKind::Absent | ValueKind::Empty if passes(AnyValue::Unset) => Self::Any,
            ValueKind::Absent | ValueKind::Empty => return None,
            kind if kind.is_text() => Self::Text { len: None, is_wanted: Box::new(of_bytes) },
            kind => Self::Number(Box::new(move |number| passes(number_value(kind, number)))),
        })
    }

    fn of_form(kind: ValueKind, text: &'t str) -> Option<Self> {
        let equals = |number: u64| Self::Number(Box::new(move |other| other == number));
        Some(match kind {
            ValueKind::Absent | ValueKind::Empty if text.is_empty() => Self::Any,
            ValueKind::Absent | ValueKind::Empty => return None,
            ValueKind::String => Self::Text {
                len: Some(text.len()),
                is_wanted: Box::new(move |bytes| bytes == text.as_bytes()),
            },
            ValueKind::Bool => match text {
                "true" => Self::Number(Box::new(|number| number != 0)),
                "false" => equals(0),
                _ => return None,
            },
            ValueKind::Int => {
                let number: i64 = text.parse().ok()?;
                // Such as "+1" and "01" are no form of a number.
                (number.to_string() == text).then(|| equals(number.cast_unsigned()))?
            }
            ValueKind::Double => return Self::of_double(text),
            ValueKind::Array | ValueKind::Map | ValueKind::Bytes => {
                // The form of what JSON has no form for is empty.
                let can_be = match kind {
                    ValueKind::Array => text.is_empty() || text.starts_with('['),
                    ValueKind::Map => text.is_empty() || text.starts_with('{'),
                    _ => text.len().is_multiple_of(4),
                };
                can_be.then(|| Self::Text {
                    len: None,
                    is_wanted: Box::new(move |bytes| {
                        bytes_value(kind, bytes).is_some_and(|value| text_of(value) == text)
                    }),
                })?
            }
        })
    }

    fn of_double(text: &'t str) -> Option<Self> {
        if text_of(AnyValue::Double(f64::NAN)) == text {
            return Some(Self::Number(Box::new(|bits| f64::from_bits(bits).is_nan())));
        }
        // The digits of a form read back as the number that they are of; infinities alone have
        // forms without digits.
        let numbers = [text.parse().ok(), Some(f64::INFINITY), Some(f64::NEG_INFINITY)];
        let has_form = |number: &f64| text_of(AnyValue::Double(*number)) == text;
        let bits = numbers.into_iter().flatten().find(has_form)?.to_bits();
        Some(Self::Number(Box::new(move |other| other == bits)))
    }
}
