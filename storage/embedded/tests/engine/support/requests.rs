//! Random export requests: of some services and of traces that others have spans of too.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::random::Generator;
use crate::wire::Wire;

const START: u64 = 1_700_000_000_000_000_000;
const KEYS: [&str; 9] = [
    "http.request.method",
    "http.response.status_code",
    "error",
    "db.system",
    "k",
    "scope.name",
    "span.kind",
    "resource.k",
    "",
];
const TEXTS: [&str; 7] = ["GET", "true", "200", "1.5", "", "a text that is somewhat longer", "é"];

/// Makes requests; the same ones for the same seed.
pub struct Requests {
    random: StdRng,
    odd: Generator,
    wire: Wire,
    /// Spans start about now.
    clock: u64,
    newest_trace: u64,
    sent: Vec<Bytes>,
}

impl Requests {
    pub fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            odd: Generator::new(seed ^ 1),
            wire: Wire::new(seed ^ 2, false, 12),
            clock: START,
            newest_trace: 1,
            sent: Vec::new(),
        }
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    pub fn next(&mut self) -> Bytes {
        let request = match self.below(20) {
            0 | 1 => self.odd.request(3).encode_to_vec().into(),
            2 | 3 => self.wire.request(4).into(),
            4 if !self.sent.is_empty() => {
                let at = self.below(self.sent.len());
                self.sent[at].clone()
            }
            _ => self.ordinary().encode_to_vec().into(),
        };
        if self.sent.len() < 50 {
            self.sent.push(Bytes::clone(&request));
        } else {
            let at = self.below(50);
            self.sent[at] = request.clone();
        }
        request
    }

    /// A request as encoders write them.
    pub fn ordinary(&mut self) -> ExportTraceServiceRequest {
        self.clock += self.random.random_range(0..20_000_000_000);
        self.newest_trace += self.random.random_range(0..2);
        let resource_spans = (0..self.random.random_range(1..4)).map(|_| self.resource_spans());
        ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
    }

    fn resource_spans(&mut self) -> ResourceSpans {
        let mut attributes = self.attributes(2);
        if self.below(12) > 0 {
            let service = ["frontend", "cart", "db", "", "queue"][self.below(5)];
            attributes.insert(0, key_value("service.name", text(service)));
        }
        let resource = Resource { attributes, ..Resource::default() };
        let scope_spans = (0..self.random.random_range(1..3)).map(|_| ScopeSpans {
            scope: (self.below(3) > 0).then(|| InstrumentationScope {
                name: ["http", "grpc"][self.below(2)].to_owned(),
                version: ["", "1", "2"][self.below(3)].to_owned(),
                attributes: self.attributes(1),
                ..InstrumentationScope::default()
            }),
            spans: (0..self.random.random_range(1..5)).map(|_| self.span()).collect(),
            schema_url: ["", "https://opentelemetry.io/schemas/1.0"][self.below(2)].to_owned(),
        });
        ResourceSpans {
            scope_spans: scope_spans.collect(),
            resource: Some(resource),
            ..ResourceSpans::default()
        }
    }

    fn span(&mut self) -> Span {
        let start = match self.below(12) {
            // Of a clock that is wrong.
            0 => [0, 1, u64::MAX, u64::MAX - 1, START / 2][self.below(5)],
            1..4 => START,
            // Late.
            4 => {
                self.clock - self.random.random_range(0..3_600_000_000_000).min(self.clock - START)
            }
            _ => self.clock + self.random.random_range(0..1_000_000_000),
        };
        let end = match self.below(10) {
            0 => [start.saturating_sub(1_000), 0][self.below(2)],
            1 => u64::MAX,
            2 => start,
            _ => start.saturating_add(
                [1_000, 1_000_000, 1_000_000_000][self.below(3)] * self.random.random_range(1..4),
            ),
        };
        let trace = self.newest_trace.saturating_sub(self.random.random_range(0..8)).max(1);
        let mut trace_id = trace.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(2);
        if self.below(60) == 0 {
            trace_id.pop();
        }
        Span {
            trace_id,
            span_id: self.random.random_range(1..30_u64).to_be_bytes().into(),
            parent_span_id: match self.below(4) {
                0 => Vec::new(),
                1 if self.below(20) == 0 => vec![0; 8],
                _ => self.random.random_range(1..30_u64).to_be_bytes().into(),
            },
            trace_state: ["", "", "a=b"][self.below(3)].to_owned(),
            flags: [0, 1, 0x101][self.below(3)],
            name: ["GET /", "POST /cart", "select", "", "poll"][self.below(5)].to_owned(),
            kind: self.random.random_range(0..6),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes: self.attributes(4),
            dropped_attributes_count: [0, 0, 3][self.below(3)],
            events: (0..[0, 0, 1, 2][self.below(4)]).map(|_| self.event()).collect(),
            links: (0..[0, 0, 0, 1, 2][self.below(5)]).map(|_| self.link()).collect(),
            status: match self.below(4) {
                0 => None,
                1 => Some(Status::default()),
                2 => Some(Status { code: 2, message: "it failed".to_owned() }),
                _ => Some(Status { code: 1, message: String::new() }),
            },
            ..Span::default()
        }
    }

    fn event(&mut self) -> Event {
        Event {
            time_unix_nano: self.clock,
            name: ["exception", ""][self.below(2)].to_owned(),
            attributes: self.attributes(2),
            dropped_attributes_count: [0, 0, 1][self.below(3)],
        }
    }

    fn link(&mut self) -> Link {
        let has_ids = self.below(4) > 0;
        Link {
            trace_id: if has_ids { vec![7; 16] } else { Vec::new() },
            span_id: if has_ids { vec![7; 8] } else { Vec::new() },
            trace_state: ["", "c=d"][self.below(2)].to_owned(),
            attributes: self.attributes(2),
            dropped_attributes_count: [0, 0, 1][self.below(3)],
            flags: [0, 1][self.below(2)],
        }
    }

    fn attributes(&mut self, most: usize) -> Vec<KeyValue> {
        (0..self.below(most + 1))
            .map(|_| {
                let key = KEYS[self.below(KEYS.len())];
                KeyValue { value: self.value(0), key: key.to_owned(), ..KeyValue::default() }
            })
            .collect()
    }

    fn value(&mut self, depth: usize) -> Option<AnyValue> {
        let value = match self.below(if depth < 2 { 14 } else { 10 }) {
            0 => return None,
            1 => return Some(AnyValue { value: None }),
            2 => Value::BoolValue(self.random.random()),
            3 | 4 => Value::IntValue([200, 0, -1, 404, i64::MIN, i64::MAX][self.below(6)]),
            5 => Value::DoubleValue(
                [1.5, 200.0, 0.0, -0.0, f64::NAN, f64::INFINITY, 1e300][self.below(7)],
            ),
            6 => Value::BytesValue(vec![0xff; self.below(3)]),
            10 | 11 => Value::ArrayValue(ArrayValue {
                values: (0..self.below(3)).filter_map(|_| self.value(depth + 1)).collect(),
            }),
            12 | 13 => Value::KvlistValue(KeyValueList {
                values: (0..self.below(3))
                    .map(|_| KeyValue {
                        key: KEYS[self.below(KEYS.len())].to_owned(),
                        value: self.value(depth + 1),
                        ..KeyValue::default()
                    })
                    .collect(),
            }),
            _ => Value::StringValue(TEXTS[self.below(TEXTS.len())].to_owned()),
        };
        Some(AnyValue { value: Some(value) })
    }
}

pub fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

pub fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
