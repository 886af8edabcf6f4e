//! What an export is made of: its seed and its number tell all of it, so nothing has to be kept.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use spoor_proto::RawTraces;

use super::support::{export, resource_spans, trace_id};

/// How many exports back the trace of a late span may have begun, at most.
const LATEST: u64 = 300;
/// The traces that each export begins, at most.
const TRACES: u64 = 4;
/// Odd, so that no two ids become the same one.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

/// The exports of one seed.
#[derive(Clone, Copy)]
pub struct Content {
    pub seed: u64,
}

impl Content {
    /// The spans of an export: from one to some hundred, in traces of its own and in traces that
    /// earlier exports began.
    pub fn spans(self, number: u64) -> Vec<Span> {
        let mut random = StdRng::seed_from_u64(self.seed ^ number.rotate_left(32));
        let most = [2, 2, 20, 60, 300][random.random_range(0..5)];
        let traces: Vec<_> = (0..random.random_range(1..=TRACES))
            .map(|slot| {
                let is_late = number > 1 && random.random_ratio(1, 3);
                let back = if is_late { random.random_range(1..number.min(LATEST)) } else { 0 };
                trace_id(
                    (u128::from(number - back) << 8 | u128::from(slot + 1)).wrapping_mul(SPREAD),
                )
            })
            .collect();
        let count = random.random_range(1..=most);
        (0..count).map(|index| span(&mut random, number, index, &traces)).collect()
    }

    /// The trace ids of an export.
    pub fn traces(self, number: u64) -> BTreeSet<Vec<u8>> {
        self.spans(number).into_iter().map(|span| span.trace_id).collect()
    }

    /// The request that sends an export, and the number of its spans.
    pub fn request(self, number: u64) -> (RawTraces, u64) {
        let spans = self.spans(number);
        let count = spans.len() as u64;
        (export(&service(number), spans), count)
    }
}

fn service(number: u64) -> String {
    format!("service-{}", number % 7)
}

/// What sends an export.
pub fn resource(number: u64) -> Option<Resource> {
    resource_spans(&service(number), Vec::new()).resource
}

/// The export that a span belongs to, and its place in it.
pub fn place(span: &Span) -> (u64, usize) {
    let id = u64::from_be_bytes(span.span_id.as_slice().try_into().unwrap());
    (id >> 16, (id & 0xffff) as usize - 1)
}

fn span(random: &mut StdRng, number: u64, index: u64, traces: &[Vec<u8>]) -> Span {
    let start = 1_790_000_000_000_000_000 + number * 1_000_000 + index;
    let noise = "abcdefghijklmnopqrstuvwxyz".repeat(4);
    let noise = &noise[..random.random_range(0..100)];
    let event = Event { time_unix_nano: start + 1, name: noise.to_owned(), ..Event::default() };
    Span {
        trace_id: traces[random.random_range(0..traces.len())].clone(),
        span_id: (number << 16 | (index + 1)).to_be_bytes().to_vec(),
        name: format!("operation {}", random.random_range(0..20)),
        kind: random.random_range(1..6),
        start_time_unix_nano: start,
        end_time_unix_nano: start + random.random_range(0..1_000_000_000),
        attributes: vec![
            attribute("export", Value::IntValue(number.cast_signed())),
            attribute("random", Value::IntValue(random.random())),
            attribute("noise", Value::StringValue(noise.to_owned())),
        ],
        events: if random.random_ratio(1, 5) { vec![event] } else { Vec::new() },
        ..Span::default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
