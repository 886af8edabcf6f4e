//! What an index of text forms must be asked for.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use spoor_store::filter::{Constant, Operand, ValueType};
use spoor_store::otlp::{spans_of, text_of};

use crate::support::{Enclosed, attr, eq, key_value, text};

#[test]
fn a_value_that_equals_a_constant_has_one_of_its_text_forms() {
    let numbers = [0, 1, -1, 500, (1 << 53) + 1, i64::MAX, i64::MIN];
    let doubles = [0.0, -0.0, 1.0, 1.5, 500.0, 1e21, 2_f64.powi(53), 2_f64.powi(63), f64::INFINITY];
    let texts = [
        "",
        "0",
        "-0",
        "1",
        "+1",
        "01",
        "1.0",
        "500.0",
        "5e2",
        "1.5",
        "true",
        "T",
        "inf",
        "9007199254740993",
        "9007199254740992.0",
        "9223372036854775807",
        "9223372036854775808",
        "1e21",
        "nan",
        "a",
    ];
    let mut values: Vec<_> = numbers.map(Value::IntValue).into();
    values.extend(doubles.map(Value::DoubleValue));
    values.extend([true, false].map(Value::BoolValue));
    values.extend(texts.map(text));
    let read = |text: &&str| ValueType::ALL.map(|declared| declared.read(text));
    let mut constants: Vec<_> = texts.iter().flat_map(read).flatten().collect();
    constants.extend(texts.map(|text| Constant::Any(text.to_owned())));
    let mut equal = 0;
    for value in values {
        let span = Enclosed::with_attributes(vec![key_value("key", value)]);
        let bytes = span.encode();
        let stored = spans_of(&bytes).next().unwrap().span.attributes().next().unwrap();
        for constant in &constants {
            if span.is(&eq(attr(None, "key"), Operand::Constant(constant.clone()))) {
                let forms = constant.text_forms();
                let form = text_of(stored.value());
                assert!(forms.iter().any(|own| *own == form), "{constant}: {form} of {forms:?}");
                equal += 1;
            }
        }
    }
    assert!(equal > 60, "{equal}");
}
