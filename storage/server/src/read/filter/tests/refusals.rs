//! What means nothing is refused, and the message names it. The cases are those of the operators'
//! definitions in `expression.proto` and of RFC 0005, sections 5 and 7.

use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{Call, Expression};
use spoor_store::filter::{Comparison, Constant, Field, Filter, Operand};
use tonic::Code;

use super::super::{
    MAX_DEPTH, MAX_ELEMENTS, MAX_NODES, MAX_PATTERN_BYTES, MAX_PATTERNS, OPERATORS, decode,
};
use super::build::{attr, call, field, list, nested, predicate, scalar, term, untyped};

fn a() -> Expression {
    attr("", "a")
}

fn exists() -> Expression {
    predicate(call("exists", vec![a()]))
}

fn refusal(call: &Call) -> String {
    let status = decode(call).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    status.message().to_owned()
}

fn assert_refused(op: &str, args: Vec<Expression>, named: &[&str]) {
    let call = call(op, args);
    let message = refusal(&call);
    for name in named {
        assert!(message.contains(name), "{message}: {call:?}");
    }
    // However deep it stands.
    let inside = self::call("not", vec![predicate(call)]);
    let some = self::call("some", vec![nested("link"), predicate(inside)]);
    assert_eq!(refusal(&self::call("and", vec![exists(), predicate(some)])), message);
}

#[test]
fn operators_take_as_many_arguments_as_they_are_defined_with() {
    for op in OPERATORS {
        let arity = match op {
            "and" | "or" => "at least two arguments",
            "not" | "exists" => "1 argument",
            _ => "2 argument",
        };
        let too_many = match op {
            "and" | "or" => vec![exists()],
            _ => vec![exists(); 3],
        };
        for args in [Vec::new(), too_many] {
            let got = format!("got {}", args.len());
            assert_refused(op, args, &[&format!("{op:?}"), arity, &got]);
        }
    }
}

#[test]
fn what_the_vocabulary_does_not_have_is_unknown() {
    assert_refused("", vec![], &["unknown operator \"\""]);
    assert_refused("EQ", vec![a(), untyped("b")], &["unknown operator \"EQ\""]);
    assert_refused("eq", vec![attr("pod", "a"), a()], &["eq", "unknown level \"pod\""]);
    assert_refused("eq", vec![field("Span", "name"), a()], &["unknown level \"Span\""]);
    let unknown = ["unknown field \"duration\" of the level \"resource\"", "attribute reference"];
    assert_refused("gt", vec![field("resource", "duration"), untyped("2s")], &unknown);
    assert_refused("eq", vec![a(), scalar("1", "number")], &["unknown type \"number\""]);
    assert_refused("in", vec![a(), list(&["1"], "duration")], &["unknown type \"duration\""]);
    assert_refused("exists", vec![attr("", "")], &["exists", "with a key"]);
    assert_refused("exists", vec![field("", "name")], &["exists", "with a level"]);
    assert_refused("exists", vec![field("span", "")], &["unknown field \"\""]);
}

#[test]
fn an_operand_is_of_the_kind_that_its_operator_takes() {
    let empty = || Expression { term: None };
    let call_term = exists;
    let cases: Vec<(&str, Vec<Expression>, &str)> = vec![
        ("and", vec![a(), exists()], "an attribute reference"),
        ("or", vec![exists(), list(&["1"], "")], "a list"),
        ("not", vec![empty()], "an empty term"),
        ("eq", vec![a(), empty()], "an empty term"),
        ("eq", vec![a(), list(&["1"], "")], "a list"),
        ("ne", vec![call_term(), scalar("true", "bool")], "a predicate"),
        ("lt", vec![nested("event"), untyped("1")], "a collection reference"),
        ("exists", vec![untyped("a")], "an untyped constant"),
        ("exists", vec![nested("event")], "a collection reference"),
        ("in", vec![scalar("a", "string"), list(&["1"], "")], "a string constant"),
        ("in", vec![a(), untyped("1")], "an untyped constant"),
        ("not_in", vec![call_term(), list(&["1"], "")], "a predicate"),
        ("regex", vec![scalar("1", "int"), untyped("b")], "an int constant"),
        ("regex", vec![a(), a()], "an attribute reference"),
        ("regex", vec![a(), scalar("1", "int")], "an int constant"),
        ("some", vec![untyped("event"), exists()], "an untyped constant"),
        ("some", vec![attr("event", "a"), exists()], "an attribute reference"),
        ("some", vec![nested("event"), untyped("true")], "an untyped constant"),
        ("phrase", vec![field("span", "name"), list(&["a"], "")], "a field reference"),
        ("fulltext", vec![a(), scalar("a b", "string")], "a string constant"),
    ];
    for (op, args, named) in cases {
        assert_refused(op, args, &[&format!("operator {op:?}"), named]);
    }
    for level in ["span", "resource", "scope", "", "events"] {
        let args = vec![nested(level), exists()];
        assert_refused("some", args, &["\"some\"", &format!("level {level:?}")]);
    }
}

#[test]
fn constants_are_readable_as_what_they_are_to_be() {
    let duration = || field("span", "duration");
    for (op, left, right, named) in [
        ("eq", a(), scalar("banana", "int"), "\"banana\" is no int"),
        ("eq", a(), scalar("1.5.2", "double"), "\"1.5.2\" is no double"),
        ("eq", a(), scalar("yes", "bool"), "\"yes\" is no bool"),
        ("gt", duration(), untyped("banana"), "span.duration with \"banana\""),
        ("gt", untyped("5"), duration(), "span.duration with \"5\""),
        ("lt", field("event", "time"), untyped("2s"), "event.time with \"2s\""),
        ("eq", field("span", "kind"), untyped("SERVER"), "unspecified, internal, server"),
        ("ne", field("span", "status"), scalar("failed", "string"), "unset, ok, error"),
        ("in", a(), list(&["1", "x"], "int"), "\"x\" is no int"),
        ("in", duration(), list(&["2s", "x"], ""), "span.duration with \"x\""),
        ("not_in", field("span", "kind"), list(&["server", "x"], "string"), "span.kind"),
    ] {
        assert_refused(op, vec![left, right], &[named]);
    }
}

#[test]
fn operands_hold_the_same_kind_of_values_which_has_an_order_if_asked_for() {
    let (duration, name) = (|| field("span", "duration"), || field("span", "name"));
    let kinds = "different kinds";
    for (op, left, right, named) in [
        ("eq", duration(), name(), kinds),
        ("gt", duration(), scalar("42", "int"), kinds),
        ("gt", duration(), scalar("2s", "string"), kinds),
        ("eq", name(), scalar("true", "bool"), kinds),
        ("eq", scalar("1", "int"), scalar("1", "string"), kinds),
        ("in", duration(), list(&["1"], "int"), kinds),
        ("gt", field("span", "startTime"), duration(), kinds),
        ("gt", a(), scalar("true", "bool"), "no order"),
        ("lte", field("span", "kind"), untyped("server"), "no order for span.kind"),
        ("gte", name(), field("span", "status"), "no order for span.status"),
    ] {
        assert_refused(op, vec![left, right], &[&format!("operator {op:?}"), named]);
    }
}

#[test]
fn patterns_and_words_are_checked() {
    for (pattern, named) in [
        ("(", "("),
        ("^a", "anchor"),
        ("a*?", "lazy"),
        ("(?i)a", "case"),
        (r"\ba", "word boundary"),
    ] {
        assert_refused("regex", vec![a(), untyped(pattern)], &["operator \"regex\"", named]);
    }
    let time = vec![field("span", "startTime"), untyped("2026")];
    assert_refused("regex", time, &["regex", "span.startTime"]);
    for op in ["phrase", "fulltext"] {
        assert_refused(op, vec![a(), list::<&str>(&[], "")], &[op, "at least one element"]);
        assert_refused(op, vec![a(), list(&["1"], "int")], &[op, "\"int\""]);
        for word in ["", "a b", "don't"] {
            assert_refused(op, vec![a(), list(&["a", word], "")], &[op, &format!("{word:?}")]);
        }
    }
}

#[test]
fn some_inside_another_over_the_same_level_is_refused() {
    let some = |level, inner| call("some", vec![nested(level), predicate(inner)]);
    let inner = call("exists", vec![field("event", "name")]);
    let not = |inner| call("not", vec![predicate(inner)]);
    let nested = some("event", not(some("link", some("event", inner.clone()))));
    assert!(refusal(&nested).contains("\"some\" over event"));
    let side_by_side = call(
        "and",
        vec![predicate(some("event", inner.clone())), predicate(some("event", inner.clone()))],
    );
    decode(&side_by_side).unwrap();
    decode(&some("event", some("link", inner))).unwrap();
}

#[test]
fn a_filter_is_bounded_in_depth_and_size() {
    let nested_to = |depth| {
        (1..depth).fold(call("exists", vec![a()]), |inner, _| call("not", vec![predicate(inner)]))
    };
    decode(&nested_to(MAX_DEPTH)).unwrap();
    assert!(refusal(&nested_to(MAX_DEPTH + 1)).contains("deep"));
    // As deep as a message may be.
    assert!(refusal(&nested_to(45)).contains("deep"));

    // Each of them is an operand of `or`, and a call with an operand.
    let wide = |calls| call("or", vec![exists(); calls]);
    decode(&wide((MAX_NODES - 1) / 3)).unwrap();
    assert!(refusal(&wide(MAX_NODES / 3 + 1)).contains("calls and operands"));

    let elements = |count| call("in", vec![a(), list(&vec!["a"; count], "")]);
    decode(&elements(MAX_ELEMENTS)).unwrap();
    assert!(refusal(&elements(MAX_ELEMENTS + 1)).contains("elements"));
    let words = call("phrase", vec![a(), list(&vec!["a"; MAX_ELEMENTS + 1], "")]);
    assert!(refusal(&words).contains("elements"));

    let pattern = |bytes| call("regex", vec![a(), untyped(&"a".repeat(bytes))]);
    decode(&pattern(MAX_PATTERN_BYTES)).unwrap();
    assert!(refusal(&pattern(MAX_PATTERN_BYTES + 1)).contains("bytes"));
    let patterns = |count| call("or", vec![predicate(pattern(1)); count]);
    decode(&patterns(MAX_PATTERNS)).unwrap();
    assert!(refusal(&patterns(MAX_PATTERNS + 1)).contains("patterns"));
}

#[test]
fn a_constant_on_the_left_is_turned_to_the_right() {
    let filter = decode(&call("gt", vec![untyped("2s"), field("span", "duration")])).unwrap();
    let expected = Filter::Compare(
        Operand::Field(Field::SpanDuration),
        Comparison::Lt,
        Operand::Constant(Constant::Duration(2_000_000_000)),
    );
    assert_eq!(filter, expected);
}

#[test]
fn every_level_of_attributes_and_every_field_is_known() {
    for level in ["", "span", "resource", "scope", "event", "link"] {
        decode(&call("exists", vec![attr(level, "a")])).unwrap();
    }
    for known in Field::ALL {
        let reference = field(known.level().name(), known.name());
        let filter = decode(&call("exists", vec![reference])).unwrap();
        assert_eq!(filter, Filter::Exists(Operand::Field(known)));
    }
}

#[test]
fn no_term_makes_it_panic() {
    let terms = [
        Term::Attr(Default::default()),
        Term::Field(Default::default()),
        Term::Nested(Default::default()),
        Term::Scalar(Default::default()),
        Term::List(Default::default()),
        Term::Call(Default::default()),
    ];
    let mut expressions = vec![Expression { term: None }];
    expressions.extend(terms.map(term));
    for op in OPERATORS {
        for left in &expressions {
            for right in &expressions {
                // Two untyped constants may be compared, whatever they are.
                let _ = decode(&call(op, vec![left.clone(), right.clone()]));
                let _ = decode(&call(op, vec![left.clone()]));
            }
        }
    }
}
