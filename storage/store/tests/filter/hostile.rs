//! A filter that would take very long ends soon after nobody waits for it any more.

use std::cell::Cell;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use spoor_store::filter::{Collection, Comparison, Field, Filter, Level, Predicate};
use spoor_store::otlp::spans_of;

use crate::support::*;

/// How often it is asked whether somebody waits, when nobody does from the tenth time on.
fn asked(filter: &Filter, span: Span) -> usize {
    let bytes = Enclosed::of(span).encode();
    let asked = Cell::new(0);
    let is_gone = || asked.replace(asked.get() + 1) >= 9;
    let predicate = Predicate::compile(filter).unwrap();
    predicate.matches_for(&spans_of(&bytes).next().unwrap(), &is_gone);
    asked.get()
}

#[test]
fn not_every_pair_of_an_event_and_a_link_is_looked_at() {
    let span = Span {
        events: vec![Event::default(); 100_000],
        links: vec![Link::default(); 100_000],
        ..Span::default()
    };
    let none = || Filter::And(vec![exists(Field::EventName), not(exists(Field::EventName))]);
    for inner in [none(), not(not(none()))] {
        let links = Filter::Some(Collection::Links, Box::new(inner));
        assert!(asked(&Filter::Some(Collection::Events, Box::new(links)), span.clone()) < 50);
    }
}

#[test]
fn not_every_part_of_a_large_filter_is_looked_at() {
    let event = || attr(Level::Event, "key");
    let parts = (0..8_000).map(|_| compare(event(), Comparison::Lt, any("a"))).collect();
    let span = Span { events: vec![Event::default(); 100], ..Span::default() };
    let some = |inner| Filter::Some(Collection::Events, Box::new(inner));
    let any_of = Filter::Or(parts);
    assert_eq!(asked(&any_of, span.clone()), 8_000, "each asks, and does nothing more");
    assert!(asked(&some(any_of), span) < 10_000, "those of the first event");
}
