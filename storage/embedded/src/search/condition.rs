//! A query's filter, taken apart into what blocks and rows can be asked.

use spoor_store::filter::{Attribute, Comparison, Constant, Field, Filter, Level, Operand};

/// A filter over conditions that an index knows. What it does not know is [`Condition::Unknown`]:
/// whoever asks must read the span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// All of them hold.
    And(Vec<Condition>),
    /// Some of them holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// An attribute at this level has this key, and this text form.
    Attribute { level: Level, key: String, text: String },
    /// A field has this text.
    Field { field: Field, text: String },
    /// The duration in nanoseconds lies between these, both included.
    Duration { min: i128, max: i128 },
    /// No index tells.
    Unknown,
}

impl Condition {
    /// The conditions of `filter`.
    pub(crate) fn of(filter: &Filter) -> Self {
        let all = |filters: &[Filter]| filters.iter().map(Self::of).collect();
        match filter {
            Filter::And(filters) => Self::And(all(filters)),
            Filter::Or(filters) => Self::Or(all(filters)),
            Filter::Not(inner) => Self::Not(Box::new(Self::of(inner))),
            Filter::Compare(
                Operand::Attribute(attribute),
                Comparison::Eq,
                Operand::Constant(Constant::Any(text)),
            ) => Self::attribute(attribute, text),
            Filter::Compare(
                Operand::Field(field),
                Comparison::Eq,
                Operand::Constant(Constant::Any(text)),
            ) => Self::Field { field: *field, text: text.clone() },
            Filter::Compare(
                Operand::Field(Field::SpanDuration),
                comparison,
                Operand::Constant(Constant::Duration(nanos)),
            ) => Self::duration(*comparison, i128::from(*nanos)),
            _ => Self::Unknown,
        }
    }

    fn attribute(attribute: &Attribute, text: &str) -> Self {
        let at =
            |level| Self::Attribute { level, key: attribute.key.clone(), text: text.to_owned() };
        match attribute.level {
            Some(level) => at(level),
            None => Self::Or(vec![at(Level::Span), at(Level::Resource)]),
        }
    }

    fn duration(comparison: Comparison, nanos: i128) -> Self {
        match comparison {
            Comparison::Gte => Self::Duration { min: nanos, max: i128::MAX },
            Comparison::Lte => Self::Duration { min: i128::MIN, max: nanos },
            _ => Self::Unknown,
        }
    }
}
