//! Structured filters, made from what legacy queries ask for, and about what these can't ask for.

use rand::{RngExt, rngs::StdRng};
use spoor_store::filter::{
    Attribute, Collection, Comparison, Constant, Field, FieldType, Filter, Level, Operand,
    Predicate, ValueType,
};

use super::facts::Fact;

const COMPARISONS: [Comparison; 6] = [
    Comparison::Eq,
    Comparison::Ne,
    Comparison::Gt,
    Comparison::Lt,
    Comparison::Gte,
    Comparison::Lte,
];

/// A filter that asks for much the same with the operators that legacy queries lack.
pub fn structured(filter: &Filter, random: &mut StdRng) -> Filter {
    let all = |filters: &[Filter], random: &mut StdRng| {
        filters.iter().map(|filter| structured(filter, random)).collect()
    };
    let made = match filter {
        Filter::And(filters) => Filter::And(all(filters, random)),
        Filter::Or(filters) => Filter::Or(all(filters, random)),
        Filter::Not(inner) => Filter::Not(Box::new(structured(inner, random))),
        Filter::Compare(left, _, Operand::Constant(constant)) => leaf(left, constant, random),
        other => other.clone(),
    };
    // Such as a word that the field does not have.
    let made = if Predicate::compile(&made).is_ok() { made } else { filter.clone() };
    if random.random_range(0..12) == 0 { Filter::Not(Box::new(made)) } else { made }
}

fn leaf(operand: &Operand, constant: &Constant, random: &mut StdRng) -> Filter {
    let operand = operand.clone();
    let constant = match constant {
        Constant::TextForm(text) => typed(text, random),
        other => other.clone(),
    };
    let made = match (random.random_range(0..12), &constant) {
        (0, _) => Filter::Exists(operand.clone()),
        (1, Constant::Any(text) | Constant::String(text)) => {
            let part = text.chars().filter(char::is_ascii_alphanumeric).take(3).collect();
            Filter::Regex(operand.clone(), part)
        }
        (2, _) => Filter::In(operand.clone(), vec![constant, Constant::Any("none".to_owned())]),
        (3, _) => Filter::NotIn(operand.clone(), vec![constant]),
        (4 | 5, _) => {
            let comparison = COMPARISONS[random.random_range(0..COMPARISONS.len())];
            Filter::Compare(operand.clone(), comparison, Operand::Constant(constant))
        }
        _ => Filter::Compare(operand.clone(), Comparison::Eq, Operand::Constant(constant)),
    };
    let collection = match operand {
        Operand::Attribute(attribute) if attribute.level == Some(Level::Event) => {
            Collection::Events
        }
        Operand::Attribute(attribute) if attribute.level == Some(Level::Link) => Collection::Links,
        _ => return made,
    };
    if random.random() { Filter::Some(collection, Box::new(made)) } else { made }
}

fn typed(text: &str, random: &mut StdRng) -> Constant {
    let declared = ValueType::ALL.get(random.random_range(0..8_usize));
    let constant = declared.and_then(|declared| declared.read(text));
    constant.unwrap_or_else(|| Constant::Any(text.to_owned()))
}

/// A filter about a field that a span has, or about any attribute of its.
pub fn about(fact: &Fact, random: &mut StdRng) -> Filter {
    let made = match random.random_range(0..8) {
        0 => ids(fact, random),
        1 => Filter::Some(
            [Collection::Events, Collection::Links][random.random_range(0..2)],
            Box::new(about(fact, random)),
        ),
        2 => Filter::Not(Box::new(about(fact, random))),
        3 => {
            let attributes = &fact.attributes;
            let at = |random: &mut StdRng| random.random_range(0..attributes.len().max(1));
            let Some((key, text)) = attributes.get(at(random)) else { return any(fact, random) };
            let level = Level::ALL.get(random.random_range(0..7_usize)).copied();
            let key = key.trim_start_matches("resource.").to_owned();
            of_attribute(Attribute { key, level }, text, random)
        }
        _ => any(fact, random),
    };
    // Such as a search for elements inside another one, or a word that is none.
    if Predicate::compile(&made).is_ok() { made } else { any(fact, random) }
}

fn ids(fact: &Fact, random: &mut StdRng) -> Filter {
    let digits = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let trace = digits(fact.trace.as_ref().map_or(&[], |id| id.as_bytes()));
    let one = |field, id: String, random: &mut StdRng| {
        let (operand, id) = (Operand::Field(field), Constant::Any(id));
        match random.random_range(0..6) {
            0 => Filter::NotIn(operand, vec![id]),
            1 => Filter::In(operand, vec![Constant::String("none".to_owned()), id]),
            2 => Filter::Compare(Operand::Constant(id), Comparison::Eq, operand),
            _ => Filter::Compare(operand, Comparison::Eq, Operand::Constant(id)),
        }
    };
    match random.random_range(0..4) {
        0 => one(Field::SpanId, digits(&fact.span), random),
        1 => one(Field::SpanTraceId, trace.to_uppercase(), random),
        2 => one(Field::SpanTraceId, trace, random),
        _ => Filter::And(vec![
            one(Field::SpanId, digits(&fact.span), random),
            one(Field::SpanTraceId, trace, random),
        ]),
    }
}

fn of_attribute(attribute: Attribute, text: &str, random: &mut StdRng) -> Filter {
    let words = || {
        let words = text.split(|part: char| !part.is_alphanumeric());
        words.filter(|word| !word.is_empty()).take(2).map(str::to_owned).collect()
    };
    match random.random_range(0..4) {
        0 => Filter::Phrase(attribute, words()),
        1 => Filter::Fulltext(attribute, words()),
        _ => leaf(&Operand::Attribute(attribute), &Constant::TextForm(text.to_owned()), random),
    }
}

fn any(fact: &Fact, random: &mut StdRng) -> Filter {
    let field = Field::ALL[random.random_range(0..Field::ALL.len())];
    let near = |value: i128, random: &mut StdRng| value + random.random_range(-1..2);
    let other = Field::ALL[random.random_range(0..Field::ALL.len())];
    let constant = match field.field_type() {
        FieldType::Duration => Constant::Duration(near(fact.duration, random)),
        FieldType::Instant => {
            let at = if random.random() { fact.duration } else { 0 };
            Constant::Instant(near(i128::from(fact.start) + at, random))
        }
        FieldType::SpanKind => Constant::Any("server".to_owned()),
        FieldType::SpanStatus => Constant::Any("error".to_owned()),
        FieldType::Text => Constant::Any(match field {
            Field::ResourceService => fact.service.clone(),
            Field::SpanName => fact.name.clone(),
            _ => "a".to_owned(),
        }),
    };
    let comparison = COMPARISONS[random.random_range(0..COMPARISONS.len())];
    let field = Operand::Field(field);
    let made = match random.random_range(0..3) {
        0 => leaf(&field, &constant, random),
        1 => Filter::Compare(field.clone(), comparison, Operand::Field(other)),
        _ => Filter::Compare(field.clone(), comparison, Operand::Constant(constant)),
    };
    if Predicate::compile(&made).is_ok() { made } else { Filter::Exists(field) }
}
