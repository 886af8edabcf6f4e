//! How many values an answer has, before they are decoded: one that is empty takes two bytes of it,
//! and some 70 of memory.

use spoor_store::otlp::wire::{Fields, Value};

/// A kind of message: which of its fields hold messages, and of which kind.
struct Kind(&'static [(u32, &'static Kind)]);

static TRACES: Kind = Kind(&[(1, &RESOURCE_SPANS)]);
static RESOURCE_SPANS: Kind = Kind(&[(1, &RESOURCE), (2, &SCOPE_SPANS)]);
static RESOURCE: Kind = Kind(&[(1, &ATTRIBUTE), (3, &ENTITY)]);
static ENTITY: Kind = Kind(&[(3, &TEXT), (4, &TEXT)]);
static SCOPE_SPANS: Kind = Kind(&[(1, &SCOPE), (2, &SPAN)]);
static SCOPE: Kind = Kind(&[(3, &ATTRIBUTE)]);
static SPAN: Kind = Kind(&[(9, &ATTRIBUTE), (11, &EVENT), (13, &LINK)]);
static EVENT: Kind = Kind(&[(3, &ATTRIBUTE)]);
static LINK: Kind = Kind(&[(4, &ATTRIBUTE)]);
static ATTRIBUTE: Kind = Kind(&[(2, &VALUE)]);
static VALUE: Kind = Kind(&[(5, &LIST), (6, &MAP)]);
static LIST: Kind = Kind(&[(1, &VALUE)]);
static MAP: Kind = Kind(&[(1, &ATTRIBUTE)]);
static TEXT: Kind = Kind(&[]);

/// Messages within each other that a decoder of protobuf reads.
const MAX_DEPTH: usize = 100;

/// How many messages there are in a `TracesData`: spans, attributes and what they are, events, links.
pub(crate) fn values(traces: &[u8]) -> usize {
    count(&TRACES, traces, MAX_DEPTH)
}

fn count(kind: &Kind, message: &[u8], depth: usize) -> usize {
    // What is deeper is refused when it is decoded.
    let Some(depth) = depth.checked_sub(1) else { return 1 };
    let messages = Fields::of(message).flatten().filter_map(|field| {
        let (_, kind) = kind.0.iter().find(|(number, _)| *number == field.number)?;
        let Value::Len(value) = field.value else { return None };
        Some(count(kind, value, depth))
    });
    1 + messages.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value::ArrayValue;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue as Array, KeyValue};
    use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
    use prost::Message;

    use super::*;

    fn encoded(span: Span) -> Vec<u8> {
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        TracesData { resource_spans }.encode_to_vec()
    }

    #[test]
    fn each_message_counts_wherever_it_is() {
        let alone = values(&encoded(Span::default()));
        assert_eq!(alone, 4);
        let of = |span| values(&encoded(span)) - alone;
        let empty = vec![KeyValue::default(); 7];
        assert_eq!(of(Span { attributes: empty.clone(), ..Span::default() }), 7);
        let event = Event { attributes: empty.clone(), ..Event::default() };
        assert_eq!(of(Span { events: vec![event; 2], ..Span::default() }), 16);
        let link = Link { attributes: empty, ..Link::default() };
        assert_eq!(of(Span { links: vec![link], ..Span::default() }), 8);
        let deep = (0..20).fold(AnyValue::default(), |value, _| AnyValue {
            value: Some(ArrayValue(Array { values: vec![value] })),
        });
        let attribute = KeyValue { value: Some(deep), ..KeyValue::default() };
        assert_eq!(of(Span { attributes: vec![attribute], ..Span::default() }), 1 + 2 * 20 + 1);
    }

    #[test]
    fn what_is_no_message_ends_the_count() {
        let whole = encoded(Span { name: "GET /".to_owned(), ..Span::default() });
        for end in 0..whole.len() {
            assert!(values(&whole[..end]) <= values(&whole));
        }
        assert_eq!(values(&[0xff; 64]), 1);
    }
}
