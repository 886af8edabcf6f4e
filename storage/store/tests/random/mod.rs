//! Random OTLP requests, the same for the same seed.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::{RngExt, SeedableRng, rngs::StdRng};

pub struct Generator(StdRng);

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// A request of a few traces; some of its spans have bad ids. `size` is the greatest number
    /// of messages in each list.
    pub fn request(&mut self, size: usize) -> ExportTraceServiceRequest {
        let resource_spans = self.many(size, |random| ResourceSpans {
            resource: random.maybe(|random| Resource {
                attributes: random.attributes(),
                dropped_attributes_count: random.number(),
                ..Resource::default()
            }),
            scope_spans: random.many(size, |random| ScopeSpans {
                scope: random.maybe(|random| InstrumentationScope {
                    name: random.text(),
                    version: random.text(),
                    attributes: random.attributes(),
                    dropped_attributes_count: random.number(),
                }),
                spans: random.many(size, Self::span),
                schema_url: random.text(),
            }),
            schema_url: random.text(),
        });
        ExportTraceServiceRequest { resource_spans }
    }

    fn span(&mut self) -> Span {
        Span {
            trace_id: self.id(16, 4),
            span_id: self.id(8, 200),
            trace_state: self.text(),
            parent_span_id: if self.0.random() { Vec::new() } else { self.id(8, 200) },
            flags: self.number(),
            name: self.text(),
            kind: self.0.random_range(-1..8),
            start_time_unix_nano: self.time(),
            end_time_unix_nano: self.time(),
            attributes: self.attributes(),
            dropped_attributes_count: self.number(),
            events: self.many(2, |random| Event {
                time_unix_nano: random.time(),
                name: random.text(),
                attributes: random.attributes(),
                dropped_attributes_count: random.number(),
            }),
            dropped_events_count: self.number(),
            links: self.many(2, |random| Link {
                trace_id: random.id(16, 4),
                span_id: random.id(8, 200),
                trace_state: random.text(),
                attributes: random.attributes(),
                dropped_attributes_count: random.number(),
                flags: random.number(),
            }),
            dropped_links_count: self.number(),
            status: self.maybe(|random| Status {
                message: random.text(),
                code: random.0.random_range(-1..4),
            }),
        }
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        self.attributes_at(0)
    }

    fn attributes_at(&mut self, depth: usize) -> Vec<KeyValue> {
        self.many(3, |random| KeyValue {
            key: if random.0.random() { "service.name".to_owned() } else { random.text() },
            value: random.maybe(|random| random.value(depth)),
            ..KeyValue::default()
        })
    }

    fn value(&mut self, depth: usize) -> AnyValue {
        let kinds = if depth < 3 { 9 } else { 7 };
        let value = match self.below(kinds) {
            0 => None,
            1 => Some(Value::StringValue(self.text())),
            2 => Some(Value::BoolValue(self.0.random())),
            3 => Some(Value::IntValue(self.0.random())),
            4 => Some(Value::DoubleValue(f64::from_bits(self.0.random()))),
            5 => Some(Value::BytesValue(self.text().into_bytes())),
            6 => Some(Value::StringValueStrindex(self.0.random())),
            7 => Some(Value::ArrayValue(ArrayValue {
                values: self.many(3, |random| random.value(depth + 1)),
            })),
            _ => Some(Value::KvlistValue(KeyValueList { values: self.attributes_at(depth + 1) })),
        };
        AnyValue { value }
    }

    /// One of `pool` ids of this length; seldom one that is too short or zero.
    fn id(&mut self, len: usize, pool: u8) -> Vec<u8> {
        match self.below(40) {
            0 => vec![1; len - 1],
            1 => vec![0; len],
            _ => vec![self.0.random_range(1..=pool); len],
        }
    }

    fn time(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => u64::MAX,
            _ => self.0.random_range(1_600_000_000_000_000_000..1_800_000_000_000_000_000),
        }
    }

    fn number(&mut self) -> u32 {
        if self.0.random() { 0 } else { self.0.random() }
    }

    fn text(&mut self) -> String {
        let len = [0, 1, 5, 130][self.below(4)];
        (0..len).map(|_| ['a', 'Z', '\0', '<', '\u{e9}', '\u{1f9ed}'][self.below(6)]).collect()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(4) > 0).then(|| make(self))
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}
