//! Making a filter ready: what its operands hold is checked here (section 5.3), once.

use super::pair::Pair;
use super::pattern::Pattern;
use super::predicate::{Leaf, Node, Predicate, Test};
use super::reference::Reference;
use super::target::{List, Target, compare};
use super::typing::{check_comparison, check_kinds};
use super::words::{Words, is_word};
use super::{Attribute, Comparison, Constant, Field, Filter, FilterError, Level, Operand};

/// What evaluates a filter. `bound` are the levels of the `some` around it.
pub(super) fn compile(filter: &Filter, bound: &[Level]) -> Result<Predicate, FilterError> {
    let all = |filters: &[Filter]| {
        filters.iter().map(|filter| compile(filter, bound)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Predicate(match filter {
        Filter::And(filters) => Node::And(all(filters)?),
        Filter::Or(filters) => Node::Or(all(filters)?),
        Filter::Not(inner) => Node::Not(Box::new(compile(inner, bound)?)),
        Filter::Compare(left, comparison, right) => compare_operands(left, *comparison, right)?,
        Filter::Regex(operand, pattern) => regex(operand, pattern)?,
        Filter::Exists(operand) => leaf(reference("exists", operand)?, Test::Exists),
        Filter::In(operand, list) => membership("in", operand, list)?.into(),
        Filter::NotIn(operand, list) => {
            Leaf { is_negated: true, ..membership("not_in", operand, list)? }.into()
        }
        Filter::Some(collection, inner) => {
            let level = collection.level();
            // Section 5.5, rule 4.
            if bound.contains(&level) {
                return Err(FilterError::NestedSome(level.name()));
            }
            let bound = [bound, &[level]].concat();
            Node::Some(*collection, Box::new(compile(inner, &bound)?))
        }
        Filter::Phrase(attribute, words) => search("phrase", attribute, words, Test::Phrase)?,
        Filter::Fulltext(attribute, words) => search("fulltext", attribute, words, Test::Fulltext)?,
    }))
}

fn leaf(reference: Reference, test: Test) -> Node {
    Leaf { reference, test, is_negated: false }.into()
}

/// What an operator reads of the span.
fn reference(operator: &'static str, operand: &Operand) -> Result<Reference, FilterError> {
    match operand {
        Operand::Attribute(attribute) => Ok(Reference::Attribute(attribute.clone())),
        Operand::Field(field) => Ok(Reference::Field(*field)),
        Operand::Constant(_) => {
            Err(FilterError::Constant { operator, operand: operand.to_string() })
        }
    }
}

fn compare_operands(
    left: &Operand,
    comparison: Comparison,
    right: &Operand,
) -> Result<Node, FilterError> {
    if let Operand::Constant(Constant::TextForm(text)) = right {
        return text_form(left, comparison, text);
    }
    check_comparison(left, comparison, right)?;
    let (is_negated, positive) = match comparison {
        Comparison::Ne => (true, Comparison::Eq),
        other => (false, other),
    };
    let operator = comparison.name();
    Ok(match (left, right) {
        (Operand::Constant(left), Operand::Constant(right)) => {
            let holds = constants_compare(&Target::of(left), positive, &Target::of(right));
            if holds == is_negated { Node::Or(Vec::new()) } else { Node::And(Vec::new()) }
        }
        (Operand::Constant(constant), _) => {
            let test = Test::Compare(positive.swapped(), Target::of(constant));
            Leaf { reference: reference(operator, right)?, test, is_negated }.into()
        }
        (_, Operand::Constant(constant)) => {
            let test = Test::Compare(positive, Target::of(constant));
            Leaf { reference: reference(operator, left)?, test, is_negated }.into()
        }
        _ => Node::Pair(Pair {
            left: reference(operator, left)?,
            comparison: positive,
            right: reference(operator, right)?,
            is_negated,
        }),
    })
}

fn text_form(left: &Operand, comparison: Comparison, text: &str) -> Result<Node, FilterError> {
    let operator = comparison.name();
    let reference = reference(operator, left)?;
    let is_known = match left {
        Operand::Field(field) => field.field_type().is_text() && !is_of_many(*field),
        _ => true,
    };
    if comparison != Comparison::Eq || !is_known {
        let operand = Constant::TextForm(text.to_owned()).to_string();
        return Err(FilterError::Constant { operator, operand });
    }
    Ok(Node::TextForm(reference, text.to_owned()))
}

fn is_of_many(field: Field) -> bool {
    matches!(field.level(), Level::Event | Level::Link)
}

/// Whether constants compare so. An untyped one takes its kind from the other; two of them are
/// text.
fn constants_compare(left: &Target, comparison: Comparison, right: &Target) -> bool {
    match (left, right) {
        (_, Target::Any { .. }) => right.holds(comparison, left.value()),
        (Target::Any { .. }, _) => left.holds(comparison.swapped(), right.value()),
        (Target::Int(_) | Target::Double(_), _) => {
            compare(comparison, left.value().number(), right.value().number())
        }
        _ => right.holds(comparison, left.value()),
    }
}

fn membership(
    operator: &'static str,
    operand: &Operand,
    list: &[Constant],
) -> Result<Leaf, FilterError> {
    let reference = reference(operator, operand)?;
    if list.is_empty() {
        return Err(FilterError::Empty { operator });
    }
    for constant in list {
        check_kinds(operator, operand, &Operand::Constant(constant.clone()))?;
    }
    Ok(Leaf { reference, test: Test::In(List::of(list)), is_negated: false })
}

fn regex(operand: &Operand, pattern: &str) -> Result<Node, FilterError> {
    let reference = reference("regex", operand)?;
    if let Operand::Field(field) = operand
        && !field.field_type().is_text()
    {
        return Err(FilterError::NotText(*field));
    }
    let pattern = Pattern::compile(pattern).map_err(FilterError::Pattern)?;
    Ok(leaf(reference, Test::Regex(pattern)))
}

fn search(
    operator: &'static str,
    attribute: &Attribute,
    words: &[String],
    test: fn(Words) -> Test,
) -> Result<Node, FilterError> {
    if words.is_empty() {
        return Err(FilterError::Empty { operator });
    }
    if let Some(word) = words.iter().find(|word| !is_word(word)) {
        return Err(FilterError::NotAWord { operator, word: word.clone() });
    }
    Ok(leaf(Reference::Attribute(attribute.clone()), test(Words::of(words))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadError;
    use crate::filter::Collection;

    fn check(filter: &Filter) -> Result<(), FilterError> {
        Predicate::compile(filter).map(drop)
    }

    #[test]
    fn what_operators_do_not_take_is_refused() {
        let one = || Operand::Constant(Constant::Int(1));
        let form = || Operand::Constant(Constant::TextForm("a".to_owned()));
        let key = || Attribute { key: "key".to_owned(), level: None };
        let exists = || Box::new(Filter::Exists(Operand::Field(Field::EventName)));
        let some = |inner| Filter::Some(Collection::Events, Box::new(inner));
        let links = Filter::Some(
            Collection::Links,
            Box::new(some(Filter::Exists(Operand::Attribute(key())))),
        );
        for filter in [
            Filter::Exists(one()),
            Filter::Regex(one(), "a".to_owned()),
            Filter::In(one(), vec![Constant::Int(1)]),
            Filter::In(Operand::Attribute(key()), Vec::new()),
            Filter::NotIn(Operand::Attribute(key()), Vec::new()),
            Filter::Phrase(key(), Vec::new()),
            Filter::Fulltext(key(), vec!["a b".to_owned()]),
            Filter::Regex(Operand::Attribute(key()), "^a".to_owned()),
            Filter::Regex(Operand::Field(Field::SpanStart), "a".to_owned()),
            some(Filter::Some(Collection::Events, exists())),
            some(Filter::Not(Box::new(links.clone()))),
            Filter::Compare(Operand::Attribute(key()), Comparison::Ne, form()),
            Filter::Compare(form(), Comparison::Eq, Operand::Attribute(key())),
            Filter::Compare(Operand::Field(Field::SpanDuration), Comparison::Eq, form()),
        ] {
            let error = check(&Filter::Not(Box::new(filter.clone()))).unwrap_err();
            assert!(matches!(ReadError::from(error), ReadError::Unsupported(_)), "{filter:?}");
        }
        check(&links).unwrap();
        check(&Filter::And(vec![some(*exists()), some(*exists())])).unwrap();
    }
}
