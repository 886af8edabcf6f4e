//! What operands hold (section 5.3, "A comparison constrains the values, not the operands").

use super::{Comparison, Constant, FieldType, FilterError, Operand};

/// What is known of the kind of values that an operand holds.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Number,
    Truth,
    Duration,
    Instant,
}

/// None for what takes its kind from the other operand: an attribute, an untyped constant.
fn kind_of(operand: &Operand) -> Option<Kind> {
    match operand {
        Operand::Attribute(_) => None,
        Operand::Field(field) => Some(match field.field_type() {
            FieldType::Text | FieldType::SpanKind | FieldType::SpanStatus => Kind::Text,
            FieldType::Duration => Kind::Duration,
            FieldType::Instant => Kind::Instant,
        }),
        Operand::Constant(constant) => match constant {
            Constant::Any(_) | Constant::TextForm(_) => None,
            Constant::String(_) => Some(Kind::Text),
            Constant::Int(_) | Constant::Double(_) => Some(Kind::Number),
            Constant::Bool(_) => Some(Kind::Truth),
            Constant::Duration(_) => Some(Kind::Duration),
            Constant::Instant(_) => Some(Kind::Instant),
        },
    }
}

pub(super) fn check_comparison(
    left: &Operand,
    comparison: Comparison,
    right: &Operand,
) -> Result<(), FilterError> {
    let operator = comparison.name();
    check_kinds(operator, left, right)?;
    for operand in [left, right] {
        let has_no_order = match operand {
            Operand::Field(field) => !field.field_type().words().is_empty(),
            _ => kind_of(operand) == Some(Kind::Truth),
        };
        if comparison.is_ordered() && has_no_order {
            return Err(FilterError::Unordered { operator, operand: operand.to_string() });
        }
    }
    Ok(())
}

/// Both operands must hold the same kind of values.
pub(super) fn check_kinds(
    operator: &'static str,
    left: &Operand,
    right: &Operand,
) -> Result<(), FilterError> {
    let different =
        || FilterError::Kinds { operator, left: left.to_string(), right: right.to_string() };
    let (left_kind, right_kind) = (kind_of(left), kind_of(right));
    if left_kind.zip(right_kind).is_some_and(|(left, right)| left != right) {
        return Err(different());
    }
    for (one, other) in [(left, right), (right, left)] {
        match (one, other) {
            // A text form compares in its own way; and beside a duration or an instant a constant
            // has been read as one before it comes here.
            (_, Operand::Constant(Constant::TextForm(_))) => {
                let operand = other.to_string();
                return Err(FilterError::Constant { operator, operand });
            }
            (Operand::Field(field), Operand::Constant(Constant::Any(_)))
                if !field.field_type().is_text() =>
            {
                return Err(different());
            }
            // Section 5.4: no attribute is declared to hold these.
            (
                Operand::Attribute(_),
                Operand::Constant(Constant::Duration(_) | Constant::Instant(_)),
            ) => return Err(different()),
            // Section 5.4: a closed set of words.
            (
                Operand::Field(field),
                Operand::Constant(Constant::String(word) | Constant::Any(word)),
            ) if field.field_type().read(word).is_none() => {
                return Err(FilterError::Word { field: *field, word: word.clone() });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Attribute, Field, Filter, Predicate};

    fn attribute() -> Operand {
        Operand::Attribute(Attribute { key: "key".to_owned(), level: None })
    }

    fn any(text: &str) -> Constant {
        Constant::Any(text.to_owned())
    }

    fn text(text: &str) -> Constant {
        Constant::String(text.to_owned())
    }

    fn check(filter: &Filter) -> Result<(), FilterError> {
        Predicate::compile(filter).map(drop)
    }

    #[test]
    fn both_operands_hold_the_same_kind_of_values() {
        use Comparison::{Eq, Gt, Lt};
        let field = Operand::Field;
        let constant = Operand::Constant;
        let good = [
            (attribute(), Gt, attribute()),
            (attribute(), Gt, field(Field::SpanDuration)),
            (field(Field::SpanStart), Lt, field(Field::SpanEnd)),
            (field(Field::EventTimeSinceStart), Lt, field(Field::SpanDuration)),
            (field(Field::SpanKind), Eq, field(Field::SpanName)),
            (field(Field::SpanName), Gt, constant(text("m"))),
            (field(Field::SpanKind), Eq, constant(text("server"))),
            (constant(Constant::Int(1)), Eq, constant(Constant::Double(1.0))),
            (constant(Constant::Duration(1)), Lt, field(Field::SpanDuration)),
        ];
        for (left, comparison, right) in good {
            check(&Filter::Compare(left, comparison, right)).unwrap();
        }
        let bad = [
            (field(Field::SpanDuration), Eq, field(Field::SpanName)),
            (field(Field::SpanDuration), Gt, field(Field::SpanStart)),
            (field(Field::SpanDuration), Gt, constant(Constant::Int(42))),
            (field(Field::SpanDuration), Gt, constant(text("2s"))),
            (field(Field::SpanDuration), Gt, constant(any("2s"))),
            (field(Field::SpanName), Eq, constant(Constant::Bool(true))),
            (field(Field::SpanKind), Eq, constant(Constant::Int(1))),
            (constant(Constant::Int(1)), Eq, constant(text("1"))),
            (attribute(), Gt, constant(Constant::Duration(1))),
            (constant(Constant::Instant(1)), Eq, attribute()),
        ];
        for (left, comparison, right) in bad {
            let filter = Filter::Compare(left, comparison, right);
            let error = check(&filter).unwrap_err();
            assert!(matches!(error, FilterError::Kinds { .. }), "{error}");
        }
        for filter in [Filter::In, Filter::NotIn] {
            let error = check(&filter(field(Field::SpanDuration), vec![Constant::Int(1)]));
            assert!(matches!(error, Err(FilterError::Kinds { .. })));
        }
    }

    #[test]
    fn truth_values_and_words_have_no_order() {
        let truth = Operand::Constant(Constant::Bool(true));
        let kind = Operand::Field(Field::SpanKind);
        let status = Operand::Field(Field::SpanStatus);
        for operand in [truth, kind, status] {
            for comparison in [Comparison::Gt, Comparison::Lt, Comparison::Gte, Comparison::Lte] {
                let ordered = Filter::Compare(attribute(), comparison, operand.clone());
                let error = check(&ordered).unwrap_err();
                assert!(matches!(error, FilterError::Unordered { .. }), "{error}");
            }
            check(&Filter::Compare(attribute(), Comparison::Eq, operand)).unwrap();
        }
    }

    #[test]
    fn words_are_those_that_the_field_holds() {
        let status = || Operand::Field(Field::SpanStatus);
        for word in [text("failed"), any("failed"), text("Error")] {
            let filter = Filter::Compare(Operand::Constant(word.clone()), Comparison::Ne, status());
            assert!(matches!(check(&filter), Err(FilterError::Word { .. })));
            let filter = Filter::In(status(), vec![text("error"), word]);
            let error = check(&filter).unwrap_err().to_string();
            assert!(error.contains("span.status") && error.contains("unset, ok, error"), "{error}");
        }
        // What Jaeger's older fields ask for is not checked: such a word finds nothing.
        let legacy = Operand::Constant(Constant::TextForm("failed".to_owned()));
        check(&Filter::Compare(status(), Comparison::Eq, legacy)).unwrap();
    }
}
