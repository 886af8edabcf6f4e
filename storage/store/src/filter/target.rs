//! Constants made ready to be compared with many values.

use std::collections::HashSet;

use super::value::{Number, Value};
use super::{Comparison, Constant, read};

/// A constant beside a value of the span.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// Read as what it is compared with (section 5.4).
    Any {
        text: String,
        number: Option<Number>,
        truth: Option<bool>,
    },
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    Nanos(i128),
}

impl Target {
    pub(super) fn of(constant: &Constant) -> Self {
        match constant {
            Constant::Any(text) => Self::Any {
                text: text.clone(),
                number: read::number(text),
                truth: read::truth(text),
            },
            Constant::String(text) | Constant::TextForm(text) => Self::Text(text.clone()),
            Constant::Int(number) => Self::Int(*number),
            Constant::Double(number) => Self::Double(*number),
            Constant::Bool(truth) => Self::Bool(*truth),
            Constant::Duration(nanos) | Constant::Instant(nanos) => Self::Nanos(*nanos),
        }
    }

    /// The constant as a value, for what stands beside another constant.
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Any { text, .. } | Self::Text(text) => Value::Text(text),
            Self::Int(number) => Value::Int(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Nanos(nanos) => Value::Nanos(*nanos),
        }
    }

    /// Whether `value` compares so with the constant. A declared type is authoritative (section
    /// 5.4): a value stored as another one does not.
    pub(super) fn holds(&self, comparison: Comparison, value: Value<'_>) -> bool {
        let is_equality = comparison == Comparison::Eq;
        match (self, value) {
            (Self::Any { text, .. } | Self::Text(text), Value::Text(_) | Value::Id(_)) => {
                if is_equality {
                    value.is_text(text)
                } else {
                    value.text().is_some_and(|own| comparison.holds((*own).cmp(text)))
                }
            }
            (Self::Any { number, .. }, Value::Int(_) | Value::Double(_)) => {
                compare(comparison, value.number(), *number)
            }
            // Truth values have no order (section 5.3).
            (Self::Any { truth, .. }, Value::Bool(own)) => is_equality && *truth == Some(own),
            (Self::Bool(truth), Value::Bool(own)) => is_equality && *truth == own,
            (Self::Int(number), Value::Int(own)) => comparison.holds(own.cmp(number)),
            (Self::Double(number), Value::Double(own)) => {
                own.partial_cmp(number).is_some_and(|order| comparison.holds(order))
            }
            (Self::Nanos(nanos), Value::Nanos(own)) => comparison.holds(own.cmp(nanos)),
            _ => false,
        }
    }
}

/// Whether both are numbers and compare so.
pub(super) fn compare(comparison: Comparison, left: Option<Number>, right: Option<Number>) -> bool {
    left.zip(right)
        .and_then(|(left, right)| left.compare(right))
        .is_some_and(|order| comparison.holds(order))
}

/// The elements of a list. Those that are text are found without passing over the others.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    texts: HashSet<String>,
    others: Vec<Target>,
}

impl List {
    pub(super) fn of(constants: &[Constant]) -> Self {
        let mut list = Self::default();
        for constant in constants {
            let target = Target::of(constant);
            if let Target::Any { text, .. } | Target::Text(text) = &target {
                list.texts.insert(text.clone());
            }
            if !matches!(target, Target::Text(_) | Target::Any { number: None, truth: None, .. }) {
                list.others.push(target);
            }
        }
        list
    }

    /// Whether `value` equals an element.
    pub(super) fn contains(&self, value: Value<'_>) -> bool {
        match value.text() {
            Some(text) => self.texts.contains(&*text),
            None => self.others.iter().any(|target| target.holds(Comparison::Eq, value)),
        }
    }
}
