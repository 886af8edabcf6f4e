//! Random spans of both models with what either can express, the same for the same seed.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use spoor_proto::api_v2;

use super::tag;

pub struct Generator(StdRng);

const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];

/// Later than any time here, a century after 1970.
const END: u64 = 100 * 365 * 24 * 3600 * 1_000_000_000;

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A span of its own trace.
    pub fn v1_span(&mut self) -> api_v2::Span {
        let trace_id = self.id(16);
        let process = api_v2::Process { service_name: self.name(), tags: self.tags() };
        let (seconds, nanos) = (self.0.random_range(0..4_000_000_000), self.nanos());
        let start_time = Some(prost_types::Timestamp { seconds, nanos });
        let (seconds, nanos) = (self.0.random_range(0..100), self.nanos());
        api_v2::Span {
            span_id: self.id(8).into(),
            operation_name: self.text(),
            references: self.references(&trace_id),
            start_time,
            duration: Some(prost_types::Duration { seconds, nanos }),
            tags: self.span_tags(),
            logs: self.many(Self::log),
            process: Some(process),
            warnings: self.many(Self::text),
            trace_id: trace_id.into(),
            ..api_v2::Span::default()
        }
    }

    /// In the order of an answer, which begins with the scope and ends with what is no attribute.
    fn span_tags(&mut self) -> Vec<api_v2::KeyValue> {
        let mut tags = Vec::new();
        if self.0.random() {
            tags.push(tag("otel.scope.name", &self.name()));
            if self.0.random() {
                tags.push(tag("otel.scope.version", &self.name()));
            }
        }
        tags.extend(self.tags());
        let kind = KINDS[self.0.random_range(0..KINDS.len())];
        if !kind.is_empty() {
            tags.push(tag("span.kind", kind));
        }
        let code = ["", "OK", "ERROR"][self.0.random_range(0..3)];
        if !code.is_empty() {
            tags.push(tag("otel.status_code", code));
            if code == "ERROR" {
                let v_type = api_v2::ValueType::Bool.into();
                tags.push(api_v2::KeyValue { v_type, v_bool: true, ..tag("error", "") });
            }
            if self.0.random() {
                tags.push(tag("otel.status_description", &self.name()));
            }
        }
        if self.0.random() {
            tags.push(tag("w3c.tracestate", &self.name()));
        }
        tags
    }

    fn tags(&mut self) -> Vec<api_v2::KeyValue> {
        let count = self.0.random_range(0..6);
        let tags = (0..count).map(|number| {
            let mut tag = tag(&format!("key-{number}"), "");
            let v_type = match self.0.random_range(0..5) {
                0 => {
                    tag.v_str = self.text();
                    api_v2::ValueType::String
                }
                1 => {
                    tag.v_bool = self.0.random();
                    api_v2::ValueType::Bool
                }
                2 => {
                    tag.v_int64 = self.0.random();
                    api_v2::ValueType::Int64
                }
                3 => {
                    tag.v_float64 = self.double();
                    api_v2::ValueType::Float64
                }
                _ => {
                    tag.v_binary = self.bytes().into();
                    api_v2::ValueType::Binary
                }
            };
            tag.v_type = v_type.into();
            tag
        });
        tags.collect()
    }

    fn log(&mut self) -> api_v2::Log {
        let (seconds, nanos) = (self.0.random_range(0..4_000_000_000), self.nanos());
        let name: bool = self.0.random();
        let name = name.then(|| tag("event", &self.name()));
        let fields = name.into_iter().chain(self.tags()).collect();
        api_v2::Log { timestamp: Some(prost_types::Timestamp { seconds, nanos }), fields }
    }

    /// The parent first, if there is one, and none of the span's trace if there is not.
    fn references(&mut self, trace_id: &[u8]) -> Vec<api_v2::SpanRef> {
        let reference = |trace_id: &[u8], span_id: Vec<u8>, ref_type| api_v2::SpanRef {
            trace_id: trace_id.to_vec().into(),
            span_id: span_id.into(),
            ref_type,
        };
        let mut references = Vec::new();
        let mut others = vec![self.id(16)];
        if self.0.random() {
            references.push(reference(trace_id, self.id(8), self.0.random_range(0..2)));
            // Of a span that follows from its parent, another one of its trace would be that.
            if references[0].ref_type == 0 {
                others.push(trace_id.to_vec());
            }
        }
        for _ in 0..self.0.random_range(0..3) {
            let trace_id = others[self.0.random_range(0..others.len())].clone();
            references.push(reference(&trace_id, self.id(8), self.0.random_range(0..2)));
        }
        references
    }

    /// A span of its own trace.
    pub fn otlp_span(&mut self) -> ResourceSpans {
        let mut attributes = vec![key_value("service.name", Value::StringValue(self.name()))];
        attributes.extend(self.attributes());
        let resource = Some(Resource { attributes, ..Resource::default() });
        let mut scope = InstrumentationScope::default();
        if self.0.random() {
            scope.name = self.name();
            scope.version = self.text();
        }
        let start = self.0.random_range(0..END);
        let parent: bool = self.0.random();
        let code = self.0.random_range(0..3);
        let message = if code == 0 { String::new() } else { self.text() };
        let span = Span {
            trace_id: self.id(16),
            span_id: self.id(8),
            trace_state: self.text(),
            parent_span_id: if parent { self.id(8) } else { Vec::new() },
            name: self.text(),
            kind: self.0.random_range(0..6),
            start_time_unix_nano: start,
            end_time_unix_nano: self.0.random_range(0..END),
            attributes: self.attributes(),
            events: self.many(|random| Event {
                time_unix_nano: random.0.random_range(0..END),
                name: random.text(),
                attributes: random.attributes(),
                ..Event::default()
            }),
            links: self.many(Self::link),
            status: (code != 0).then_some(Status { code, message }),
            ..Span::default()
        };
        let scope_spans =
            ScopeSpans { scope: Some(scope), spans: vec![span], ..ScopeSpans::default() };
        ResourceSpans { resource, scope_spans: vec![scope_spans], ..ResourceSpans::default() }
    }

    /// To another trace.
    fn link(&mut self) -> Link {
        let kind = ["child_of", "follows_from"][self.0.random_range(0..2)];
        let kind = Value::StringValue(kind.to_owned());
        Link {
            trace_id: self.id(16),
            span_id: self.id(8),
            attributes: vec![key_value("opentracing.ref_type", kind)],
            ..Link::default()
        }
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        let count = self.0.random_range(0..6);
        let attributes = (0..count).map(|number| {
            let value = match self.0.random_range(0..5) {
                0 => Value::StringValue(self.text()),
                1 => Value::BoolValue(self.0.random()),
                2 => Value::IntValue(self.0.random()),
                3 => Value::DoubleValue(self.double()),
                _ => Value::BytesValue(self.bytes()),
            };
            key_value(&format!("key-{number}"), value)
        });
        attributes.collect()
    }

    fn many<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.0.random_range(0..4);
        (0..count).map(|_| make(self)).collect()
    }

    fn id(&mut self, length: usize) -> Vec<u8> {
        let mut id: Vec<u8> = (0..length).map(|_| self.0.random()).collect();
        id[0] |= 1;
        id
    }

    /// A text that is not empty.
    fn name(&mut self) -> String {
        let words = ["a", "b", "GET /", "name", "é\u{10348}", "\0\n", " "];
        words[self.0.random_range(0..words.len())].to_owned()
    }

    fn text(&mut self) -> String {
        if self.0.random() { self.name() } else { String::new() }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.0.random_range(0..4);
        (0..length).map(|_| self.0.random()).collect()
    }

    /// A number that equals itself.
    fn double(&mut self) -> f64 {
        [0.0, -0.0, 72.5, f64::MIN_POSITIVE, f64::INFINITY, -1e300][self.0.random_range(0..6)]
    }

    fn nanos(&mut self) -> i32 {
        self.0.random_range(0..1_000_000_000)
    }
}

fn key_value(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
