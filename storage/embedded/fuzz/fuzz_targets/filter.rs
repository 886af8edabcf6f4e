//! Whatever a filter's pattern, words and constants are, and whatever they are compared with, it is
//! refused or evaluated; and what holds by meaning holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use spoor_store::filter::{
    Attribute, Comparison, Constant, Field, Filter, FilterError, Operand, Predicate, ValueType,
};
use spoor_store::otlp::{spans_of, text_of};

fn attribute() -> Attribute {
    Attribute { key: "key".to_owned(), level: None }
}

/// The encoded traces of a span whose attribute has this value.
fn traces(value: Value) -> Vec<u8> {
    let value = Some(AnyValue { value: Some(value) });
    let attribute = KeyValue { key: "key".to_owned(), value, ..KeyValue::default() };
    let span = Span { attributes: vec![attribute], ..Span::default() };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    TracesData { resource_spans: vec![resource] }.encode_to_vec()
}

fn holds(filter: &Filter, traces: &[u8]) -> Result<bool, FilterError> {
    let span = spans_of(traces).next().expect("there is a span");
    Predicate::compile(filter).map(|predicate| predicate.matches(&span))
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    // What is asked for, and what is stored.
    let (asked, stored) = input.split_once('\0').unwrap_or((input, ""));
    let text = traces(Value::StringValue(stored.to_owned()));
    let number = traces(Value::DoubleValue(bytes.len() as f64 / 2.0));
    let operand = || Operand::Attribute(attribute());

    let pattern = Filter::Regex(operand(), asked.to_owned());
    if let Ok(is_match) = holds(&pattern, &text)
        && asked.chars().all(char::is_alphanumeric)
    {
        assert_eq!(is_match, stored.contains(asked));
    }

    let words: Vec<_> = asked.split(' ').map(str::to_owned).collect();
    let phrase = holds(&Filter::Phrase(attribute(), words.clone()), &text);
    let fulltext = holds(&Filter::Fulltext(attribute(), words), &text);
    assert_eq!(phrase.is_ok(), fulltext.is_ok());
    assert!(phrase != Ok(true) || fulltext == Ok(true));

    let mut constants = vec![Constant::Any(asked.to_owned())];
    constants.extend(ValueType::ALL.iter().filter_map(|declared| declared.read(asked)));
    constants.extend(Field::ALL.iter().filter_map(|field| field.field_type().read(asked)));
    for (constant, traces) in constants.iter().flat_map(|own| [(own, &text), (own, &number)]) {
        let is = |comparison| {
            let constant = Operand::Constant(constant.clone());
            holds(&Filter::Compare(operand(), comparison, constant), traces)
        };
        let Ok(is_equal) = is(Comparison::Eq) else { continue };
        assert_eq!(is(Comparison::Ne), Ok(!is_equal), "the attribute is there");
        assert_eq!(holds(&Filter::In(operand(), vec![constant.clone()]), traces), Ok(is_equal));
        let order = [Comparison::Lt, Comparison::Gt].map(is);
        assert!(!is_equal || !order.contains(&Ok(true)));
        if is_equal {
            let span = spans_of(traces).next().expect("there is a span");
            let value = span.span.attributes().next().expect("it has an attribute").value();
            assert!(constant.text_forms().iter().any(|form| *form == text_of(value)));
        }
    }
});
