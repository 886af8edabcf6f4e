//! Attributes: levels (section 5.1), missing and several values (5.3), types (5.4).

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use spoor_store::filter::Comparison::{Eq, Gt, Gte, Lt, Lte, Ne};
use spoor_store::filter::{Attribute, Constant, Filter, Level, Operand};

use crate::support::{
    Enclosed, any, attr, compare, eq, holding, key_value, ne, not, resource, string, text,
};

/// A span with the attribute "level" of every level, whose value is the level's name.
fn of_every_level() -> Enclosed {
    let own = |level: &str| vec![key_value("level", text(level)), key_value(level, text("x"))];
    Enclosed {
        resource: resource(own("resource")),
        scope: Some(InstrumentationScope {
            attributes: own("scope"),
            ..InstrumentationScope::default()
        }),
        span: Span {
            attributes: own("span"),
            events: vec![Event { attributes: own("event"), ..Event::default() }],
            links: vec![Link { attributes: own("link"), ..Link::default() }],
            ..Span::default()
        },
        ..Enclosed::default()
    }
}

#[test]
fn an_attribute_is_read_at_its_level_and_without_one_on_span_and_resource() {
    let span = of_every_level();
    for level in Level::ALL {
        for other in Level::ALL {
            let is = span.is(&eq(attr(level, "level"), any(other.name())));
            assert_eq!(is, level == other, "{level:?} {other:?}");
        }
        // Section 5.1: "an unqualified attribute reference searches the span and resource levels".
        let is = span.is(&Filter::Exists(attr(None, level.name())));
        assert_eq!(is, matches!(level, Level::Span | Level::Resource), "{level:?}");
    }
}

#[test]
fn of_a_missing_value_every_leaf_is_false_and_only_not_flips_that() {
    let span = Enclosed::with_attributes(vec![key_value("other", text("a"))]);
    let key = || attr(None, "key");
    let name = || Attribute { key: "key".to_owned(), level: None };
    let list = || vec![Constant::Any("a".to_owned())];
    let mut leaves: Vec<_> =
        [Eq, Ne, Gt, Lt, Gte, Lte].map(|comparison| compare(key(), comparison, any("a"))).into();
    leaves.extend([
        ne(key(), attr(None, "other")),
        ne(attr(None, "other"), key()),
        Filter::Exists(key()),
        Filter::In(key(), list()),
        Filter::NotIn(key(), list()),
        Filter::Regex(key(), String::new()),
        Filter::Phrase(name(), vec!["a".to_owned()]),
        Filter::Fulltext(name(), vec!["a".to_owned()]),
    ]);
    for leaf in leaves {
        assert!(!span.is(&leaf), "{leaf:?}");
        assert!(span.is(&not(leaf.clone())), "{leaf:?}");
    }
}

#[test]
fn of_several_values_one_passes_a_positive_leaf_and_none_may_pass_a_negated_one() {
    let span = Enclosed {
        resource: resource(vec![key_value("key", text("b"))]),
        ..Enclosed::with_attributes(vec![key_value("key", text("a"))])
    };
    let key = || attr(None, "key");
    let list =
        |texts: &[&str]| texts.iter().map(|text| Constant::Any((*text).to_owned())).collect();
    for value in ["a", "b"] {
        assert!(span.is(&eq(key(), any(value))));
        assert!(!span.is(&ne(key(), any(value))));
        assert!(span.is(&Filter::In(key(), list(&[value]))));
        assert!(!span.is(&Filter::NotIn(key(), list(&[value, "c"]))));
    }
    assert!(span.is(&ne(key(), any("c"))));
    assert!(span.is(&Filter::NotIn(key(), list(&["c", "d"]))));
    // Of each pair too: the resource's is the greater one, and both equal themselves.
    let (own, other) = (attr(Level::Span, "key"), attr(Level::Resource, "key"));
    assert_eq!(holding(&span, &other, &own), [Ne, Gt, Gte]);
    assert_eq!(holding(&span, &key(), &own), [Eq, Gt, Gte, Lte]);
    // A key that stands twice has two values.
    let twice = Enclosed::with_attributes(vec![
        key_value("key", text("a")),
        key_value("key", Value::IntValue(1)),
    ]);
    assert!(twice.is(&eq(key(), any("a"))) && twice.is(&eq(key(), any("1"))));
}

fn stored(value: Value) -> Enclosed {
    Enclosed::with_attributes(vec![key_value("key", value)])
}

#[test]
fn a_constant_without_a_type_is_read_as_what_is_stored() {
    let cases = [
        (Value::IntValue(500), "500", &[Eq, Gte, Lte][..]),
        (Value::IntValue(500), "500.0", &[Eq, Gte, Lte]),
        (Value::IntValue(500), "+5e2", &[Eq, Gte, Lte]),
        (Value::IntValue(9), "10", &[Ne, Lt, Lte]),
        (Value::IntValue(500), "600.5", &[Ne, Lt, Lte]),
        (Value::IntValue(500), "many", &[Ne]),
        (Value::IntValue((1 << 53) + 1), "9007199254740992.0", &[Ne, Gt, Gte]),
        (Value::DoubleValue(150.5), "100", &[Ne, Gt, Gte]),
        (Value::DoubleValue(1.0), "1", &[Eq, Gte, Lte]),
        (Value::DoubleValue(f64::NAN), "NaN", &[Ne]),
        (Value::BoolValue(true), "true", &[Eq]),
        (Value::BoolValue(true), "1", &[Eq]),
        (Value::BoolValue(true), "false", &[Ne]),
        (Value::BoolValue(false), "true", &[Ne]),
        (text("500"), "500", &[Eq, Gte, Lte]),
        (text("500"), "500.0", &[Ne, Lt, Lte]),
        (text("9"), "10", &[Ne, Gt, Gte]),
        (text("true"), "1", &[Ne, Gt, Gte]),
    ];
    for (value, constant, expected) in cases {
        let found = holding(&stored(value.clone()), &attr(None, "key"), &any(constant));
        assert_eq!(found, expected, "{value:?} {constant}");
    }
}

#[test]
fn a_declared_type_is_authoritative() {
    use Constant::{Bool, Double, Int};
    let string = |text: &str| Constant::String(text.to_owned());
    let cases = [
        (Value::IntValue(1), Int(1), &[Eq, Gte, Lte][..]),
        (Value::IntValue(1), Double(1.0), &[Ne]),
        (Value::IntValue(1), string("1"), &[Ne]),
        (Value::DoubleValue(1.0), Double(1.0), &[Eq, Gte, Lte]),
        (Value::DoubleValue(1.0), Int(0), &[Ne]),
        (Value::DoubleValue(1.0), Double(f64::NAN), &[Ne]),
        (text("1"), string("1"), &[Eq, Gte, Lte]),
        (text("1"), Int(1), &[Ne]),
        (text("true"), string("true"), &[Eq, Gte, Lte]),
    ];
    for (value, constant, expected) in cases {
        let span = stored(value.clone());
        let right = Operand::Constant(constant.clone());
        assert_eq!(holding(&span, &attr(None, "key"), &right), expected, "{value:?} {constant:?}");
        // A list's type is, too.
        let is_in = span.is(&Filter::In(attr(None, "key"), vec![constant.clone()]));
        let is_not_in = span.is(&Filter::NotIn(attr(None, "key"), vec![constant]));
        assert_eq!((is_in, is_not_in), (expected.contains(&Eq), !expected.contains(&Eq)));
    }
    for (value, truth, is) in [
        (Value::BoolValue(true), true, true),
        (Value::BoolValue(true), false, false),
        (text("true"), true, false),
    ] {
        assert_eq!(stored(value).is(&eq(attr(None, "key"), Operand::Constant(Bool(truth)))), is);
    }
}

#[test]
fn what_no_constant_can_be_exists_and_equals_nothing() {
    let array = Value::ArrayValue(ArrayValue { values: Vec::new() });
    let unset = KeyValue { key: "key".to_owned(), ..KeyValue::default() };
    for attribute in
        [key_value("key", Value::BytesValue(b"a".to_vec())), key_value("key", array), unset]
    {
        let span = Enclosed::with_attributes(vec![attribute.clone(), attribute]);
        let key = || attr(None, "key");
        assert!(span.is(&Filter::Exists(key())));
        // In base64 and as JSON.
        for constant in ["", "YQ==", "[]", "null"] {
            assert_eq!(holding(&span, &key(), &any(constant)), [Ne]);
        }
        assert_eq!(holding(&span, &key(), &key()), [Ne]);
        assert!(!span.is(&Filter::Regex(key(), String::new())));
        assert!(span.is(&Filter::NotIn(key(), vec![Constant::Any(String::new())])));
    }
}

#[test]
fn an_empty_text_is_a_value() {
    let span = stored(text(""));
    assert!(span.is(&Filter::Exists(attr(None, "key"))));
    assert_eq!(holding(&span, &attr(None, "key"), &any("")), [Eq, Gte, Lte]);
    assert!(span.is(&Filter::Regex(attr(None, "key"), "a*".to_owned())));
}

#[test]
fn two_references_compare_within_one_kind() {
    let pair = |left, right| {
        Enclosed::with_attributes(vec![key_value("left", left), key_value("right", right)])
    };
    for (left, right, expected) in [
        (Value::IntValue(2), Value::DoubleValue(1.5), &[Ne, Gt, Gte][..]),
        (Value::DoubleValue(2.0), Value::IntValue(2), &[Eq, Gte, Lte]),
        (text("10"), text("9"), &[Ne, Lt, Lte]),
        (text("1"), Value::IntValue(1), &[Ne]),
        (Value::BoolValue(true), Value::BoolValue(true), &[Eq]),
        (Value::BoolValue(true), Value::BoolValue(false), &[Ne]),
        (Value::BoolValue(true), text("true"), &[Ne]),
        (Value::DoubleValue(f64::NAN), Value::DoubleValue(f64::NAN), &[Ne]),
    ] {
        let span = pair(left.clone(), right.clone());
        let found = holding(&span, &attr(None, "left"), &attr(None, "right"));
        assert_eq!(found, expected, "{left:?} {right:?}");
    }
}

#[test]
fn two_constants_compare_too() {
    use Constant::{Double, Int};
    let constant = Operand::Constant;
    let span = Enclosed::default();
    for (left, right, expected) in [
        (constant(Int(1)), constant(Double(1.0)), &[Eq, Gte, Lte][..]),
        (any("1.0"), constant(Int(1)), &[Eq, Gte, Lte]),
        (constant(Double(1.5)), any("2"), &[Ne, Lt, Lte]),
        (any("x"), constant(Int(1)), &[Ne]),
        (any("10"), any("9"), &[Ne, Lt, Lte]),
        (string("b"), any("a"), &[Ne, Gt, Gte]),
    ] {
        assert_eq!(holding(&span, &left, &right), expected, "{left} {right}");
    }
}

#[test]
fn words_are_searched_in_text_alone() {
    let name = || Attribute { key: "key".to_owned(), level: Some(Level::Event) };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let event = |value| Event { attributes: vec![key_value("key", value)], ..Event::default() };
    let span = Enclosed::of(Span {
        events: vec![
            event(text("no refund")),
            event(text("The Refund policy")),
            event(Value::IntValue(30)),
        ],
        ..Span::default()
    });
    for (listed, phrase, fulltext) in [
        (words(&["refund", "policy"]), true, true),
        (words(&["policy", "refund"]), false, true),
        (words(&["the", "POLICY"]), false, true),
        // One value must have them all.
        (words(&["no", "policy"]), false, false),
        (words(&["30"]), false, false),
    ] {
        assert_eq!(span.is(&Filter::Phrase(name(), listed.clone())), phrase, "{listed:?}");
        assert_eq!(span.is(&Filter::Fulltext(name(), listed.clone())), fulltext, "{listed:?}");
    }
}

#[test]
fn a_pattern_matches_text_alone() {
    for (value, is) in [(text("a503"), true), (text("5"), false), (Value::IntValue(503), false)] {
        assert_eq!(stored(value).is(&Filter::Regex(attr(None, "key"), "5..".to_owned())), is);
    }
}
