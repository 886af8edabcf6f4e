//! A query's filter, taken apart into what blocks and rows can be asked.

use spoor_store::TraceId;
use spoor_store::filter::{
    Attribute, Comparison, Constant, Field, FieldType, Filter, Level, Operand, Predicate, ValueTest,
};

/// Of more texts than these no index is asked: it would take longer than to read what has the key.
const MOST_TEXTS: usize = 64;

/// A filter over conditions that an index or a column knows. What these do not know is
/// [`Condition::Unknown`]: whoever asks must read the span.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// All of them hold.
    And(Vec<Condition>),
    /// Some of them holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// An attribute at this level has this key, and a value like these.
    Attribute { level: Level, key: String, values: Values },
    /// A field has a text like these.
    Field { field: Field, values: Values },
    /// The span's start, end or duration lies between these nanoseconds, both included.
    Range { field: Field, min: i128, max: i128 },
    /// The span is of this trace.
    Trace(TraceId),
    /// The span has this id.
    Span([u8; 8]),
    /// No index tells.
    Unknown,
}

/// The values that are looked for.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Those with this text form. A field that is not there has the empty one.
    TextForm(String),
    /// Those that pass, of a field that is there. If texts are listed, these have the text forms
    /// of all that can.
    Passing { test: ValueTest, texts: Option<Vec<String>> },
}

impl Values {
    /// The text forms of all of them, if these are few.
    pub(crate) fn texts(&self) -> Option<&[String]> {
        match self {
            Self::TextForm(text) => Some(std::slice::from_ref(text)),
            Self::Passing { texts, .. } => texts.as_deref(),
        }
    }
}

impl Condition {
    /// The conditions of `filter`, from which `predicate` was compiled.
    pub(crate) fn of(filter: &Filter, predicate: &Predicate) -> Self {
        let all = |filters: &[Filter]| {
            let parts = filters.iter().zip(predicate.parts());
            parts.map(|(filter, predicate)| Self::of(filter, predicate)).collect()
        };
        match (filter, predicate.parts()) {
            (Filter::And(filters), _) => Self::And(all(filters)).flat(),
            (Filter::Or(filters), _) => Self::Or(all(filters)),
            (Filter::Not(inner), [part]) => Self::Not(Box::new(Self::of(inner, part))),
            // What one element must have, some element has.
            (Filter::Some(_, inner), [part]) => {
                Self::And(vec![Self::of(inner, part).implied(), Self::Unknown])
            }
            (Filter::Compare(left, comparison, right), _) => match (left, right) {
                (operand, Operand::Constant(constant)) => {
                    Self::comparison(operand, *comparison, constant, predicate)
                }
                (Operand::Constant(constant), operand) => {
                    Self::comparison(operand, comparison.swapped(), constant, predicate)
                }
                _ => Self::And(vec![Self::exists(left), Self::exists(right), Self::Unknown]),
            },
            (Filter::In(operand, list), _) => Self::equals(operand, list, predicate),
            (Filter::NotIn(operand, list), _) => {
                Self::differs(operand, Self::equals(operand, list, predicate))
            }
            (Filter::Exists(operand), _) => Self::exists(operand),
            (Filter::Regex(operand, _), _) => Self::passing(operand, predicate, None),
            (Filter::Phrase(attribute, _) | Filter::Fulltext(attribute, _), _) => {
                Self::passing(&Operand::Attribute(attribute.clone()), predicate, None)
            }
            _ => Self::Unknown,
        }
    }

    fn comparison(
        operand: &Operand,
        comparison: Comparison,
        constant: &Constant,
        predicate: &Predicate,
    ) -> Self {
        let list = std::slice::from_ref(constant);
        match (constant, comparison) {
            (Constant::TextForm(text), _) => {
                Self::with_values(operand, &Values::TextForm(text.clone()))
            }
            (_, Comparison::Eq) => Self::equals(operand, list, predicate),
            (_, Comparison::Ne) => Self::differs(operand, Self::equals(operand, list, predicate)),
            (Constant::Duration(nanos) | Constant::Instant(nanos), _) => {
                Self::range(operand, comparison, *nanos)
            }
            _ => Self::passing(operand, predicate, None),
        }
    }

    /// It has a value that equals one of these.
    fn equals(operand: &Operand, list: &[Constant], predicate: &Predicate) -> Self {
        let each =
            |of: &dyn Fn(&Constant) -> Option<Self>| Self::Or(list.iter().filter_map(of).collect());
        match operand {
            Operand::Field(Field::SpanTraceId) => each(&|id| id_of(id).and_then(Self::trace)),
            Operand::Field(Field::SpanId) => each(&|id| id_of(id).map(Self::Span)),
            Operand::Field(Field::SpanStart | Field::SpanEnd | Field::SpanDuration) => {
                each(&|constant| match constant {
                    Constant::Duration(nanos) | Constant::Instant(nanos) => {
                        Some(Self::range(operand, Comparison::Eq, *nanos))
                    }
                    _ => Some(Self::Unknown),
                })
            }
            _ => {
                let mut texts: Vec<_> = list.iter().flat_map(Constant::text_forms).collect();
                texts.sort_unstable();
                texts.dedup();
                Self::passing(operand, predicate, Some(texts))
            }
        }
    }

    /// It has values, none of which is as `equals` says.
    fn differs(operand: &Operand, equals: Self) -> Self {
        Self::And(vec![Self::exists(operand), Self::Not(Box::new(equals))])
    }

    fn trace(id: [u8; 16]) -> Option<Self> {
        TraceId::from_slice(&id).map(Self::Trace)
    }

    fn range(operand: &Operand, comparison: Comparison, nanos: i128) -> Self {
        let (min, max) = match comparison {
            Comparison::Eq => (nanos, nanos),
            Comparison::Gt => (nanos.saturating_add(1), i128::MAX),
            Comparison::Gte => (nanos, i128::MAX),
            Comparison::Lt => (i128::MIN, nanos.saturating_sub(1)),
            Comparison::Lte => (i128::MIN, nanos),
            Comparison::Ne => return Self::Unknown,
        };
        match operand {
            Operand::Field(field @ (Field::SpanStart | Field::SpanEnd | Field::SpanDuration)) => {
                Self::Range { field: *field, min, max }
            }
            _ => Self::Unknown,
        }
    }

    fn exists(operand: &Operand) -> Self {
        match operand {
            Operand::Field(field) if field.level() == Level::Span && !field.is_optional() => {
                Self::And(Vec::new())
            }
            Operand::Constant(_) => Self::Unknown,
            _ => match Predicate::compile(&Filter::Exists(operand.clone())) {
                Ok(predicate) => Self::passing(operand, &predicate, None),
                Err(_) => Self::Unknown,
            },
        }
    }

    /// It has a value that passes the test of the predicate.
    fn passing(operand: &Operand, predicate: &Predicate, texts: Option<Vec<String>>) -> Self {
        match predicate.value_test() {
            Some(test) => {
                let texts = texts.filter(|texts| texts.len() <= MOST_TEXTS);
                Self::with_values(operand, &Values::Passing { test, texts })
            }
            None => Self::Unknown,
        }
    }

    fn with_values(operand: &Operand, values: &Values) -> Self {
        match operand {
            Operand::Attribute(Attribute { key, level }) => {
                let at = |level| {
                    let (key, values) = (key.clone(), values.clone());
                    Self::Attribute { level, key, values }
                };
                match level {
                    Some(level) => at(*level),
                    None => Self::Or(vec![at(Level::Span), at(Level::Resource)]),
                }
            }
            Operand::Field(field)
                if !matches!(field.field_type(), FieldType::Duration | FieldType::Instant) =>
            {
                Self::Field { field: *field, values: values.clone() }
            }
            Operand::Field(_) | Operand::Constant(_) => Self::Unknown,
        }
    }

    /// What holds of a span's events or links when this holds of one of them.
    fn implied(self) -> Self {
        let all = |conditions: Vec<Self>| conditions.into_iter().map(Self::implied).collect();
        match self {
            Self::And(conditions) => Self::And(all(conditions)),
            Self::Or(conditions) => Self::Or(all(conditions)),
            // Another element may have it.
            Self::Not(_) => Self::Unknown,
            other => other,
        }
    }

    /// Without one "and" directly inside another.
    fn flat(self) -> Self {
        let Self::And(conditions) = self else { return self };
        let mut flat = Vec::with_capacity(conditions.len());
        for condition in conditions {
            match condition {
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        Self::And(flat)
    }
}

/// The id that the constant has the digits of. No span has one that is not written so.
fn id_of<const N: usize>(constant: &Constant) -> Option<[u8; N]> {
    let (Constant::Any(text) | Constant::String(text)) = constant else { return None };
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(is_digit) {
        return None;
    }
    let mut id = [0; N];
    for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(id)
}
