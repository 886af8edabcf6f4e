//! `some` (section 5.5).

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use spoor_store::filter::{Collection, Comparison, Constant, Field, Filter, Level, Operand};

use crate::support::{Enclosed, attr, compare, eq, exists, key_value, not, string, text};

fn event(name: &str, time: u64, kind: &str) -> Event {
    Event {
        time_unix_nano: time,
        name: name.to_owned(),
        attributes: vec![key_value("type", text(kind))],
        ..Event::default()
    }
}

fn span() -> Enclosed {
    Enclosed::of(Span {
        name: "GET".to_owned(),
        start_time_unix_nano: 1_000,
        events: vec![event("exception", 1_010, "timeout"), event("retry", 1_090, "backoff")],
        links: vec![
            Link { attributes: vec![key_value("type", text("timeout"))], ..Link::default() },
            Link { trace_state: "a=1".to_owned(), ..Link::default() },
        ],
        ..Span::default()
    })
}

fn named(name: &str) -> Filter {
    eq(Operand::Field(Field::EventName), string(name))
}

fn late() -> Filter {
    let bound = Operand::Constant(Constant::Duration(50));
    compare(Operand::Field(Field::EventTimeSinceStart), Comparison::Gt, bound)
}

fn some(collection: Collection, inner: Filter) -> Filter {
    Filter::Some(collection, Box::new(inner))
}

#[test]
fn one_element_satisfies_the_whole_condition() {
    let span = span();
    let both = |name| Filter::And(vec![named(name), late()]);
    // Outside, each condition finds an event of its own.
    assert!(span.is(&both("exception")));
    assert!(!span.is(&some(Collection::Events, both("exception"))));
    assert!(span.is(&some(Collection::Events, both("retry"))));
    let typed = |name, kind| {
        let kind = eq(attr(Level::Event, "type"), string(kind));
        some(Collection::Events, Filter::And(vec![named(name), kind]))
    };
    assert!(span.is(&typed("exception", "timeout")));
    assert!(!span.is(&typed("exception", "backoff")));
}

#[test]
fn what_is_not_of_the_bound_level_is_read_as_outside() {
    let span = span();
    let link = eq(attr(Level::Link, "type"), string("timeout"));
    let name = eq(Operand::Field(Field::SpanName), string("GET"));
    let inner = Filter::And(vec![named("retry"), link, exists(Field::LinkTraceState), name]);
    assert!(span.is(&some(Collection::Events, inner)));
    // The same key at the other level is another attribute.
    let same = eq(attr(Level::Event, "type"), attr(Level::Link, "type"));
    let late_and_same = Filter::And(vec![late(), same.clone()]);
    assert!(span.is(&some(Collection::Events, same)));
    assert!(!span.is(&some(Collection::Events, late_and_same)));
}

#[test]
fn quantifiers_over_both_levels_bind_one_of_each() {
    let span = span();
    let same = eq(attr(Level::Event, "type"), attr(Level::Link, "type"));
    let with_state = Filter::And(vec![exists(Field::LinkTraceState), same]);
    assert!(span.is(&some(Collection::Events, with_state.clone())));
    let pair = some(Collection::Events, some(Collection::Links, with_state));
    assert!(!span.is(&pair));
}

#[test]
fn of_no_elements_some_is_false_and_every_is_true() {
    let anything = || Filter::And(Vec::new());
    let every = |inner| not(some(Collection::Events, not(inner)));
    let empty = Enclosed::default();
    for collection in [Collection::Events, Collection::Links] {
        assert!(!empty.is(&some(collection, anything())));
        assert!(span().is(&some(collection, anything())));
    }
    assert!(empty.is(&every(late())));
    assert!(!span().is(&every(late())));
    assert!(span().is(&every(exists(Field::EventTime))));
}
