//! The store's predicate against the naive evaluator, on random filters and spans.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, TracesData};
use prost::Message;
use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{AttributeReference, Call, FieldReference};
use spoor_store::filter::Predicate;
use spoor_store::otlp::spans_of;

use super::super::{OPERATORS, decode};
use super::generate::Generator;
use super::naive::{self, Place};

const FILTERS: usize = 4_000;

/// How often something was asked and held, and did not hold.
type Tally = BTreeMap<String, [usize; 2]>;

/// Operators, attributes by level, and fields.
fn count(call: &Call, held: bool, tally: &mut Tally) {
    let mut names = vec![call.op.clone()];
    for arg in &call.args {
        match arg.term.as_ref().unwrap() {
            Term::Attr(AttributeReference { level, .. }) => names.push(format!("{level}.*")),
            Term::Field(FieldReference { name, level }) => names.push(format!("{level}.{name}")),
            Term::Call(inner) => count(inner, held, tally),
            _ => {}
        }
    }
    for name in names {
        tally.entry(name).or_default()[usize::from(held)] += 1;
    }
}

#[test]
fn the_predicate_agrees_with_the_contract_on_random_filters_and_spans() {
    let seed = std::env::var("SPOOR_SEED").map_or(7, |seed| seed.parse().unwrap());
    let mut random = Generator::new(seed);
    let (mut tally, mut held) = (Tally::new(), [0, 0]);
    for number in 0..FILTERS {
        let spans: Vec<_> = (0..5).map(|_| random.enclosed()).collect();
        let places: Vec<_> = spans
            .iter()
            .map(|(resource, scope, span)| Place { resource, scope, span, event: None, link: None })
            .collect();
        // Most filters are false of most spans. Half are to be true of the first one.
        let wanted = random.coin();
        let mut call = random.filter(4, &[]);
        for _ in 0..50 {
            if naive::holds(&call, places[0]) == wanted {
                break;
            }
            call = random.filter(4, &[]);
        }
        let filter = decode(&call).unwrap_or_else(|status| panic!("{status}: {call:?}"));
        let predicate = Predicate::compile(&filter).unwrap();
        for place in places {
            let expected = naive::holds(&call, place);
            let scope = ScopeSpans { spans: vec![place.span.clone()], ..place.scope.clone() };
            let resource = ResourceSpans { scope_spans: vec![scope], ..place.resource.clone() };
            let bytes = TracesData { resource_spans: vec![resource] }.encode_to_vec();
            let span = spans_of(&bytes).next().unwrap();
            assert_eq!(
                predicate.matches(&span),
                expected,
                "SPOOR_SEED={seed}, filter {number}: {call:#?} of {place:#?}"
            );
            assert!(predicate.may_match(&span.resource) || !expected, "{call:#?}");
            held[usize::from(expected)] += 1;
            count(&call, expected, &mut tally);
        }
    }
    let share = held[1] * 100 / (held[0] + held[1]);
    assert!((35..=65).contains(&share), "{share} % of the filters held");
    for operator in OPERATORS {
        let [no, yes] = tally[operator];
        assert!(no > 50 && yes > 50, "{operator}: {no} {yes}");
    }
    // Six levels of attributes, 22 fields and the operators.
    assert_eq!(tally.len(), 6 + 22 + OPERATORS.len(), "{tally:?}");
}

#[test]
fn whatever_a_client_sends_is_refused_or_decoded() {
    let mut random = Generator::new(11);
    let mut decoded = 0;
    for _ in 0..20_000 {
        let mut bytes = random.filter(5, &[]).encode_to_vec();
        random.damage(&mut bytes);
        // What is no message does not come this far.
        let Ok(call) = Call::decode(&*bytes) else { continue };
        decoded += 1;
        if let Err(status) = decode(&call) {
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{call:?}");
        }
    }
    assert!(decoded > 1_000, "{decoded}");
}
