use std::fmt;

use super::Field;
use crate::ReadError;

/// Why a filter means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterError {
    /// Two operands hold different kinds of values.
    Kinds {
        /// The operator's name.
        operator: &'static str,
        /// What it is given.
        left: String,
        /// What it is given beside that.
        right: String,
    },
    /// An operand has no order.
    Unordered {
        /// The operator's name.
        operator: &'static str,
        /// The operand.
        operand: String,
    },
    /// An operand is a constant where something of the span must stand, or a kind of constant
    /// that the operator does not know.
    Constant {
        /// The operator's name.
        operator: &'static str,
        /// The operand.
        operand: String,
    },
    /// A constant is none of the words that the field holds.
    Word {
        /// The field.
        field: Field,
        /// The constant.
        word: String,
    },
    /// A pattern is to match a field that is not text.
    NotText(Field),
    /// A pattern can't be used, and why.
    Pattern(String),
    /// A list has no elements.
    Empty {
        /// The operator's name.
        operator: &'static str,
    },
    /// An element of a list is no word to search for.
    NotAWord {
        /// The operator's name.
        operator: &'static str,
        /// The element.
        word: String,
    },
    /// `some` stands inside another one over the same level, which this has the name of.
    NestedSome(&'static str),
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kinds { operator, left, right } => write!(
                f,
                "operator \"{operator}\" compares {left} with {right}, which hold different kinds \
                 of values"
            ),
            Self::Unordered { operator, operand } => {
                write!(f, "operator \"{operator}\" has no order for {operand}")
            }
            Self::Constant { operator, operand } => {
                write!(f, "operator \"{operator}\" does not take {operand}")
            }
            Self::Word { field, word } => {
                let words = field.field_type().words().join(", ");
                write!(f, "{field} is never {word:?}, only one of {words}")
            }
            Self::NotText(field) => {
                write!(f, "operator \"regex\" matches text, and {field} is none")
            }
            Self::Pattern(reason) => write!(f, "operator \"regex\": {reason}"),
            Self::Empty { operator } => {
                write!(f, "operator \"{operator}\" takes a list with at least one element")
            }
            Self::NotAWord { operator, word } => write!(
                f,
                "operator \"{operator}\" takes words of letters, marks and digits, at most {} \
                 UTF-16 code units long, not {word:?}",
                super::words::MAX_UNITS
            ),
            Self::NestedSome(level) => write!(
                f,
                "operator \"some\" over {level} stands inside another one over {level}, which has \
                 no meaning yet"
            ),
        }
    }
}

impl std::error::Error for FilterError {}

impl From<FilterError> for ReadError {
    fn from(error: FilterError) -> Self {
        Self::Unsupported(format!("the filter ({error})"))
    }
}
