//! What a block's filter knows of the durations of each service.

use std::collections::HashSet;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::block::entries::duration_entry;

use crate::{by_trace, encode, rows_of};

/// The step of 65,536 ns, and that of the longest span there can be.
const LEAST: u8 = 32;
const GREATEST: u8 = 127;

/// Spans of a service, from when to when.
type Spans<'s> = (&'s str, &'s [(u64, u64)]);

/// For each service, the steps of which the filter of a block of these spans has entries.
fn steps<const N: usize>(services: [Spans<'_>; N]) -> [Vec<u8>; N] {
    let resource_spans = services.map(|(service, spans)| {
        let spans = (1_u64..).zip(spans).map(|(id, (start, end))| Span {
            trace_id: vec![1; 16],
            span_id: id.to_be_bytes().to_vec(),
            start_time_unix_nano: *start,
            end_time_unix_nano: *end,
            ..Span::default()
        });
        let value = Some(Value::StringValue(service.to_owned()));
        let name = KeyValue {
            key: "service.name".to_owned(),
            value: Some(AnyValue { value }),
            ..KeyValue::default()
        };
        // A service may have no name.
        let attributes = if service.is_empty() { Vec::new() } else { vec![name] };
        ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }
    });
    let request = ExportTraceServiceRequest { resource_spans: resource_spans.to_vec() };
    let rows = rows_of([request.encode_to_vec()]);
    let entries: HashSet<u64> = encode(&rows, &by_trace(&rows)).entries.into_iter().collect();
    services.map(|(service, _)| {
        (0..=u8::MAX).filter(|step| entries.contains(&duration_entry(*step, service))).collect()
    })
}

fn up_to(step: u8) -> Vec<u8> {
    (LEAST..=step).collect()
}

#[test]
fn each_service_has_the_steps_that_its_longest_span_reaches() {
    let second = 1_000_000_000;
    let found = steps([
        ("short", &[(7, 7 + 65_535), (7, 7), (9, 7)]),
        ("just long enough", &[(7, 7 + 65_536)]),
        ("a second", &[(7, 8), (second, 2 * second), (7, 100_000)]),
        ("", &[(0, 3 * second)]),
        ("the longest that fits", &[(0, i64::MAX as u64)]),
    ]);
    // 2^29 and 2^31 lie below a second and three, 1.5 times that only below a second.
    assert_eq!(found, [Vec::new(), up_to(32), up_to(2 * 29 + 1), up_to(2 * 31), up_to(125)]);
}

#[test]
fn spans_that_end_before_they_start_reach_no_step() {
    let found = steps([
        ("a bit", &[(7, 6)]),
        ("an hour", &[(3_600_000_000_000, 0)]),
        ("the most that fits", &[(1 << 63, 0)]),
    ]);
    assert_eq!(found, [const { Vec::<u8>::new() }; 3]);
}

#[test]
fn the_longest_spans_of_all_reach_every_step() {
    assert_eq!(steps([("", &[(0, u64::MAX)])]), [up_to(GREATEST)]);
    assert_eq!(steps([("", &[(0, 1 << 63)])]), [up_to(GREATEST)]);
    assert_eq!(steps([("", &[(1, u64::MAX), (u64::MAX, 0)])]), [up_to(GREATEST)]);
    // In a block with such a span, one that ends before it starts may pass for one.
    let found = steps([("long", &[(5, u64::MAX)]), ("back", &[(7, 6)]), ("short", &[(6, 7)])]);
    assert_eq!(found, [up_to(GREATEST), up_to(GREATEST), Vec::new()]);
}
