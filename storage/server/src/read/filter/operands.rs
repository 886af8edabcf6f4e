//! References and constants.

use std::fmt::Arguments;

use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{AttributeReference, Expression, FieldReference, List};
use spoor_store::filter::{Attribute, Constant, Field, FieldType, Level, Operand, ValueType};

use super::MAX_ELEMENTS;

/// What an operator compares.
pub(super) fn operand(op: &str, arg: &Expression) -> Result<Operand, String> {
    match &arg.term {
        Some(Term::Scalar(scalar)) => {
            constant(&scalar.value, &scalar.r#type).map(Operand::Constant)
        }
        Some(Term::Attr(_) | Term::Field(_) | Term::Nested(_)) => reference(op, arg),
        _ => {
            let got = term_name(arg);
            Err(format!("operator {op:?} compares references and constants, got {got}"))
        }
    }
}

/// What an operator reads of the span.
pub(super) fn reference(op: &str, arg: &Expression) -> Result<Operand, String> {
    reference_of(format_args!("operator {op:?}"), arg)
}

/// The same of whatever takes a reference.
pub(in crate::read) fn reference_of(
    taker: Arguments<'_>,
    arg: &Expression,
) -> Result<Operand, String> {
    match &arg.term {
        Some(Term::Attr(reference)) => decode_attribute(taker, reference).map(Operand::Attribute),
        Some(Term::Field(reference)) => decode_field(taker, reference).map(Operand::Field),
        _ => Err(format!("{taker} takes a reference, got {}", term_name(arg))),
    }
}

/// What an operator searches words in.
pub(super) fn attribute(op: &str, arg: &Expression) -> Result<Attribute, String> {
    match &arg.term {
        Some(Term::Attr(reference)) => decode_attribute(format_args!("operator {op:?}"), reference),
        _ => Err(format!("operator {op:?} takes an attribute reference, got {}", term_name(arg))),
    }
}

fn decode_attribute(
    taker: Arguments<'_>,
    reference: &AttributeReference,
) -> Result<Attribute, String> {
    if reference.key.is_empty() {
        return Err(format!("{taker} takes an attribute reference with a key"));
    }
    let level = match &*reference.level {
        "" => None,
        name => Some(level(taker, name)?),
    };
    Ok(Attribute { key: reference.key.clone(), level })
}

fn decode_field(taker: Arguments<'_>, reference: &FieldReference) -> Result<Field, String> {
    if reference.level.is_empty() {
        return Err(format!("{taker} takes a field reference with a level"));
    }
    Field::find(level(taker, &reference.level)?, &reference.name).ok_or_else(|| {
        let FieldReference { name, level } = reference;
        format!(
            "{taker} takes the unknown field {name:?} of the level {level:?}; an attribute \
             of that name needs an attribute reference"
        )
    })
}

fn level(taker: Arguments<'_>, name: &str) -> Result<Level, String> {
    Level::from_name(name).ok_or_else(|| format!("{taker} takes the unknown level {name:?}"))
}

/// A constant of its declared type.
pub(super) fn constant(text: &str, declared: &str) -> Result<Constant, String> {
    if declared.is_empty() {
        return Ok(Constant::Any(text.to_owned()));
    }
    let value_type = value_type(declared)?;
    value_type.read(text).ok_or_else(|| format!("the constant {text:?} is no {declared}"))
}

fn value_type(name: &str) -> Result<ValueType, String> {
    ValueType::ALL
        .into_iter()
        .find(|value_type| value_type.name() == name)
        .ok_or_else(|| format!("a constant has the unknown type {name:?}"))
}

/// A constant that declares no type, as what the field beside it holds (RFC 0005, section 5.4).
pub(super) fn beside_field(field: Field, text: &str) -> Result<Constant, String> {
    let held = field.field_type();
    held.read(text).ok_or_else(|| {
        let expected = match held {
            FieldType::Duration => "a duration such as \"2s\"".to_owned(),
            FieldType::Instant => "an instant such as \"2026-08-16T18:56:20.5Z\"".to_owned(),
            _ => format!("one of {}", held.words().join(", ")),
        };
        format!("cannot compare {field} with {text:?}, which is not {expected}")
    })
}

/// A list with elements, but not too many.
pub(super) fn list<'a>(op: &str, arg: &'a Expression) -> Result<&'a List, String> {
    let Some(Term::List(list)) = &arg.term else {
        return Err(format!("operator {op:?} takes a list, got {}", term_name(arg)));
    };
    if !list.r#type.is_empty() {
        value_type(&list.r#type)?;
    }
    match list.values.len() {
        0 => Err(format!("operator {op:?} takes a list with at least one element")),
        1..=MAX_ELEMENTS => Ok(list),
        got => Err(format!("operator {op:?} takes a list of {MAX_ELEMENTS} elements, got {got}")),
    }
}

/// The words to search for.
pub(super) fn words(op: &str, arg: &Expression) -> Result<Vec<String>, String> {
    let list = list(op, arg)?;
    match &*list.r#type {
        "" | "string" => Ok(list.values.clone()),
        other => Err(format!("operator {op:?} takes a list of strings, not of {other:?}")),
    }
}

/// The kind of an argument.
pub(super) fn term_name(arg: &Expression) -> &'static str {
    match &arg.term {
        None => "an empty term",
        Some(Term::Attr(_)) => "an attribute reference",
        Some(Term::Field(_)) => "a field reference",
        Some(Term::Nested(_)) => "a collection reference",
        Some(Term::Scalar(scalar)) => match &*scalar.r#type {
            "" => "an untyped constant",
            "string" => "a string constant",
            "int" => "an int constant",
            "double" => "a double constant",
            "bool" => "a bool constant",
            _ => "a constant of an unknown type",
        },
        Some(Term::List(_)) => "a list",
        Some(Term::Call(_)) => "a predicate",
    }
}
