//! What a resource alone tells of its spans.

use opentelemetry_proto::tonic::trace::v1::Span;
use spoor_store::filter::{Collection, Field, Filter, Level, Operand, Predicate};
use spoor_store::otlp::spans_of;

use crate::support::{Enclosed, any, attr, eq, exists, key_value, ne, not, resource, string, text};

fn may_match(filter: &Filter) -> bool {
    let span = Enclosed {
        resource: resource(vec![
            key_value("service.name", text("cart")),
            key_value("zone", text("east")),
        ]),
        ..Enclosed::of(Span { name: "GET".to_owned(), ..Span::default() })
    };
    let bytes = span.encode();
    let span = spans_of(&bytes).next().unwrap();
    Predicate::compile(filter).unwrap().may_match(&span.resource)
}

#[test]
fn a_resource_rules_its_spans_out_if_it_alone_tells() {
    let service = |name: &str| eq(Operand::Field(Field::ResourceService), string(name));
    let zone = |name: &str| eq(attr(Level::Resource, "zone"), any(name));
    let unknown = || eq(Operand::Field(Field::SpanName), string("POST"));
    let ruled_out = [
        service("shop"),
        not(service("cart")),
        ne(Operand::Field(Field::ResourceService), string("cart")),
        zone("west"),
        exists(Field::ResourceSchemaUrl),
        Filter::And(vec![unknown(), zone("west")]),
        Filter::Or(vec![service("shop"), zone("west")]),
        not(Filter::Or(vec![unknown(), service("cart")])),
        not(not(service("shop"))),
        eq(attr(Level::Resource, "zone"), Operand::Field(Field::ResourceService)),
        Filter::Or(Vec::new()),
    ];
    for filter in ruled_out {
        assert!(!may_match(&filter), "{filter:?}");
    }
    let possible = [
        service("cart"),
        zone("east"),
        unknown(),
        not(unknown()),
        eq(attr(None, "zone"), any("west")),
        Filter::Or(vec![unknown(), zone("west")]),
        not(Filter::And(vec![unknown(), service("cart")])),
        eq(attr(Level::Resource, "zone"), Operand::Field(Field::SpanName)),
        Filter::Some(Collection::Events, Box::new(service("cart"))),
        Filter::And(Vec::new()),
    ];
    for filter in possible {
        assert!(may_match(&filter), "{filter:?}");
    }
}
