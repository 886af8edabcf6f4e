//! The traces that the tests write.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, TracesData};

pub const MILLISECOND: u64 = 1_000_000;
/// 2026-01-02T03:04:05.123456789Z: digits down to the nanosecond.
pub const START: u64 = 1_767_323_045_123_456_789;

/// An order: `shop` is called and calls `stock`, with a field of every kind on the first span.
pub const ORDER: &str = "0123456789abcdef0123456789abcdef";
/// One span of `shop`, 20 ms long, a minute after the order.
pub const LOOK: &str = "0123456789abcdef0000000000000002";
/// One span of `shop`, 30 ms long, two minutes after the order.
pub const BUY: &str = "0123456789abcdef0000000000000003";
/// One span of `stock`, 40 ms long, three minutes after the order.
pub const COUNT: &str = "0123456789abcdef0000000000000004";

/// A minute in nanoseconds.
pub const MINUTE: u64 = 60_000 * MILLISECOND;

pub fn traces() -> TracesData {
    let plain = |trace, name, minute, duration| Span {
        trace_id: bytes(trace),
        span_id: vec![minute; 8],
        name: String::from(name),
        kind: SpanKind::Server.into(),
        ..timed(START + u64::from(minute) * MINUTE, duration)
    };
    let shop = vec![
        order_span(),
        order_call_span(),
        plain(LOOK, "GET /look", 1, 20 * MILLISECOND),
        plain(BUY, "POST /buy", 2, 30 * MILLISECOND),
    ];
    let stock = vec![order_stock_span(), plain(COUNT, "count", 3, 40 * MILLISECOND)];
    TracesData { resource_spans: vec![of_service("shop", shop), of_service("stock", stock)] }
}

fn of_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                attribute("service.name", text(service)),
                attribute("replicas", Value::IntValue(3)),
            ],
            dropped_attributes_count: 1,
            entity_refs: Vec::new(),
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "fixture".to_owned(),
                version: "1.2.3".to_owned(),
                attributes: vec![attribute("scope.of", text(service))],
                dropped_attributes_count: 2,
            }),
            spans,
            schema_url: "https://opentelemetry.io/schemas/1.30.0".to_owned(),
        }],
        schema_url: "https://opentelemetry.io/schemas/1.37.0".to_owned(),
    }
}

fn order_span() -> Span {
    Span {
        trace_id: bytes(ORDER),
        span_id: bytes("00000000000000a1"),
        trace_state: "vendor=a,other=b".to_owned(),
        flags: 0x101,
        name: "POST /order".to_owned(),
        kind: SpanKind::Server.into(),
        attributes: vec![
            attribute("text", text("Grüße 🐾")),
            attribute("whole", Value::IntValue(-9_007_199_254_740_993)),
            attribute("real", Value::DoubleValue(0.1)),
            attribute("flag", Value::BoolValue(true)),
            attribute("bytes", Value::BytesValue(vec![0, 159, 255])),
            attribute("list", list(vec![text("a"), Value::IntValue(1)])),
            attribute("map", map(vec![attribute("inner", list(vec![Value::BoolValue(false)]))])),
            attribute("empty", text("")),
        ],
        dropped_attributes_count: 3,
        events: vec![
            Event {
                time_unix_nano: START + 1,
                name: "reserved".to_owned(),
                attributes: vec![attribute("event.only", text("yes"))],
                dropped_attributes_count: 4,
            },
            Event { time_unix_nano: START + 2, ..Event::default() },
        ],
        dropped_events_count: 5,
        links: vec![Link {
            trace_id: bytes(LOOK),
            span_id: vec![1; 8],
            trace_state: "linked=1".to_owned(),
            attributes: vec![attribute("link.only", text("yes"))],
            dropped_attributes_count: 6,
            flags: 0x100,
        }],
        dropped_links_count: 7,
        status: Some(Status { message: "out of stock".to_owned(), code: 2 }),
        ..timed(START, 10 * MILLISECOND)
    }
}

fn order_call_span() -> Span {
    Span {
        trace_id: bytes(ORDER),
        span_id: bytes("00000000000000a2"),
        parent_span_id: bytes("00000000000000a1"),
        name: "stock.Stock/Reserve".to_owned(),
        kind: SpanKind::Client.into(),
        ..timed(START + MILLISECOND, 5 * MILLISECOND)
    }
}

fn order_stock_span() -> Span {
    Span {
        trace_id: bytes(ORDER),
        span_id: bytes("00000000000000a3"),
        parent_span_id: bytes("00000000000000a2"),
        name: "stock.Stock/Reserve".to_owned(),
        kind: SpanKind::Server.into(),
        ..timed(START + 2 * MILLISECOND, 3 * MILLISECOND)
    }
}

fn timed(start: u64, duration: u64) -> Span {
    Span {
        start_time_unix_nano: start,
        end_time_unix_nano: start + duration,
        // Jaeger writes out an unset status as an empty one.
        status: Some(Status::default()),
        ..Span::default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn list(values: Vec<Value>) -> Value {
    let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
    Value::ArrayValue(ArrayValue { values })
}

fn map(values: Vec<KeyValue>) -> Value {
    Value::KvlistValue(KeyValueList { values })
}

pub fn bytes(hex: &str) -> Vec<u8> {
    let digit = |index| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}
