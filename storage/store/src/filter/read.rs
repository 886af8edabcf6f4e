//! Reading the text of constants (section 5.4).

use super::value::Number;
use super::{Constant, FieldType, time};

/// The type that a constant declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Text.
    String,
    /// A whole number of 64 bits.
    Int,
    /// A floating-point number.
    Double,
    /// A truth value.
    Bool,
}

impl ValueType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::String, Self::Int, Self::Double, Self::Bool];

    /// The type's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Double => "double",
            Self::Bool => "bool",
        }
    }

    /// Reads a constant that declares this type; none if its text is of another.
    pub fn read(self, text: &str) -> Option<Constant> {
        match self {
            Self::String => Some(Constant::String(text.to_owned())),
            Self::Int => text.parse().ok().map(Constant::Int),
            Self::Double => double(text).map(Constant::Double),
            Self::Bool => truth(text).map(Constant::Bool),
        }
    }
}

impl FieldType {
    /// Reads a constant that declares no type and stands beside a field of this one; none if its
    /// text is of another.
    pub fn read(self, text: &str) -> Option<Constant> {
        match self {
            Self::Text => Some(Constant::String(text.to_owned())),
            Self::SpanKind | Self::SpanStatus => {
                self.words().contains(&text).then(|| Constant::String(text.to_owned()))
            }
            Self::Duration => time::duration(text).map(Constant::Duration),
            Self::Instant => time::instant(text).map(Constant::Instant),
        }
    }
}

/// A number as storage may have it.
pub(super) fn number(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().map(|number| Number::Whole(number.into()));
    whole.ok().or_else(|| double(text).map(Number::Double))
}

/// A double in decimal digits. As in Go, one too large for its 64 bits is none.
fn double(text: &str) -> Option<f64> {
    let is_written_out = text.bytes().any(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number: &f64| number.is_finite() || !is_written_out)
}

/// A truth value in the spellings of Go's `strconv.ParseBool`.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_read_as_the_type_they_declare_or_not_at_all() {
        let cases = [
            (ValueType::Int, "-5", Some(Constant::Int(-5))),
            (ValueType::Int, "+5", Some(Constant::Int(5))),
            (ValueType::Int, "5.0", None),
            (ValueType::Int, "9223372036854775808", None),
            (ValueType::Int, "", None),
            (ValueType::Int, " 5", None),
            (ValueType::Double, "1e3", Some(Constant::Double(1000.0))),
            (ValueType::Double, "-Inf", Some(Constant::Double(f64::NEG_INFINITY))),
            (ValueType::Double, "1e999", None),
            (ValueType::Double, "1,5", None),
            (ValueType::Bool, "True", Some(Constant::Bool(true))),
            (ValueType::Bool, "yes", None),
            (ValueType::String, "", Some(Constant::String(String::new()))),
        ];
        for (declared, text, expected) in cases {
            assert_eq!(declared.read(text), expected, "{declared:?} {text:?}");
        }
    }

    #[test]
    fn constants_beside_a_field_are_read_as_what_it_holds() {
        let word = |text: &str| Some(Constant::String(text.to_owned()));
        assert_eq!(FieldType::Duration.read("2s"), Some(Constant::Duration(2_000_000_000)));
        assert_eq!(FieldType::Duration.read("banana"), None);
        assert_eq!(
            FieldType::Instant.read("1970-01-01T00:00:01Z"),
            Some(Constant::Instant(1_000_000_000))
        );
        assert_eq!(FieldType::Instant.read("2s"), None);
        assert_eq!(FieldType::SpanKind.read("server"), word("server"));
        assert_eq!(FieldType::SpanKind.read("Server"), None);
        assert_eq!(FieldType::SpanKind.read("error"), None);
        assert_eq!(FieldType::SpanStatus.read("error"), word("error"));
        assert_eq!(FieldType::Text.read("banana"), word("banana"));
    }
}
