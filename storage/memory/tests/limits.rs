//! What the memory engine forgets, and what it refuses, to keep its limits.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_memory::{Limits, MemoryStore};
use spoor_store::filter::{Attribute, Filter, Operand};
use spoor_store::ingest::{Refusal, SpanCounts, Written};
use spoor_store::{
    LegacyQuery, SpanOrder, SpanQuery, Store, Tenant, TimeRange, TraceQuery, Usage, WriteError,
};
use tokio::runtime::Runtime;
use tokio::time::timeout;

const MANY: usize = 1 << 30;

/// A span of each of these traces, in a service named after the first; each name has `name_len`
/// bytes.
fn request(traces: &[u8], name_len: usize) -> Bytes {
    let spans = traces.iter().map(|trace| Span {
        trace_id: vec![*trace; 16],
        span_id: vec![1; 8],
        name: "n".repeat(name_len),
        start_time_unix_nano: u64::from(*trace),
        ..Span::default()
    });
    let service = Value::StringValue(format!("service-{}", traces[0]));
    let attribute = KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue { value: Some(service) }),
        ..KeyValue::default()
    };
    let resource_spans = ResourceSpans {
        resource: Some(Resource { attributes: vec![attribute], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec().into()
}

async fn write(store: &MemoryStore, traces: &[u8], name_len: usize) -> Result<Written, WriteError> {
    store.write(&Tenant::default(), request(traces, name_len)).await
}

/// The traces held, by the byte that their ids repeat, ascending.
async fn held(store: &MemoryStore) -> Vec<u8> {
    let query = LegacyQuery { depth: i32::MAX, ..LegacyQuery::default() }.compile(MANY).unwrap();
    let found = store.find_trace_ids(&Tenant::default(), query).await.unwrap();
    let mut traces: Vec<_> = found.iter().map(|found| found.trace_id.as_bytes()[0]).collect();
    traces.sort_unstable();
    traces
}

#[tokio::test]
async fn beyond_its_traces_it_forgets_those_that_arrived_first_with_all_that_told_of_them() {
    let store = MemoryStore::new(Limits { traces: 2, bytes: MANY });
    for trace in [9, 1, 5] {
        write(&store, &[trace], 1).await.unwrap();
    }
    assert_eq!(held(&store).await, [1, 5]);
    let services = store.services(&Tenant::default()).await.unwrap();
    assert_eq!(services, ["service-1", "service-5"]);
    let usage = store.usage();
    assert_eq!((usage.traces, usage.spans, usage.evicted_traces), (2, 2, 1));
}

#[tokio::test]
async fn beyond_its_bytes_it_forgets_those_that_arrived_first() {
    let store = MemoryStore::new(Limits { traces: MANY, bytes: 20_000 });
    for trace in 1..=20 {
        write(&store, &[trace], 1_000).await.unwrap();
        assert!(store.usage().bytes <= 20_000);
    }
    let held = held(&store).await;
    assert!(held.len() > 3, "{held:?}");
    assert_eq!(held.last(), Some(&20));
    assert!(held.is_sorted_by(|a, b| a + 1 == *b), "{held:?}");
}

#[tokio::test]
async fn what_was_just_acknowledged_stays_though_its_trace_arrived_first() {
    let store = MemoryStore::new(Limits { traces: MANY, bytes: 20_000 });
    for (trace, name_len) in [(1, 4_000), (2, 4_000), (1, 4_000)] {
        write(&store, &[trace], name_len).await.unwrap();
    }
    assert_eq!(held(&store).await, [1]);
    assert_eq!(store.usage().spans, 2);
}

#[tokio::test]
async fn what_could_never_be_held_is_refused_alone_and_nothing_is_forgotten_for_it() {
    let store = MemoryStore::new(Limits { traces: 3, bytes: 20_000 });
    write(&store, &[1], 6_000).await.unwrap();
    let before = store.usage();
    for (trace, name_len) in [(2, 12_000), (1, 6_000)] {
        let written = write(&store, &[trace], name_len).await.unwrap();
        assert_eq!(written.first_refusal, Some(Refusal::TraceTooLarge));
        assert_eq!(written.total(), SpanCounts { refused: 1, ..SpanCounts::default() });
        assert_eq!(store.usage(), before);
    }

    let written = write(&store, &[4, 5, 6, 7], 1).await.unwrap();
    assert_eq!(written.total(), SpanCounts { accepted: 3, refused: 1, late: 3 });
    assert_eq!(held(&store).await, [4, 5, 6]);
}

#[tokio::test]
async fn what_is_around_spans_counts_once_for_each_of_their_traces() {
    let store = MemoryStore::new(Limits { traces: MANY, bytes: 1 << 20 });
    let mut request = ExportTraceServiceRequest::decode(request(&[1, 2, 3, 4], 1)).unwrap();
    request.resource_spans[0].schema_url = "u".repeat(200_000);
    let request = request.encode_to_vec();
    let written = store.write(&Tenant::default(), request.into()).await.unwrap();
    assert_eq!((written.total().accepted, written.total().refused), (2, 2));
    assert!(store.usage().bytes < 1 << 20);
}

#[tokio::test]
async fn ever_new_names_stay_within_the_bound() {
    let store = MemoryStore::new(Limits { traces: MANY, bytes: 100_000 });
    for round in 0..100 {
        // A service each, and names of ever new lengths.
        let traces = [round + 1, round + 101];
        write(&store, &traces, usize::from(round)).await.unwrap();
        assert!(store.usage().bytes <= 100_000);
    }
    let services = store.services(&Tenant::default()).await.unwrap();
    assert!((10..100).contains(&services.len()), "{}", services.len());
}

#[tokio::test]
async fn a_purge_gives_everything_back() {
    let store = MemoryStore::new(Limits { traces: 2, bytes: MANY });
    write(&store, &[1, 2], 1).await.unwrap();
    store.purge(&Tenant::default()).await.unwrap();
    assert_eq!(store.usage(), Usage::default());
    write(&store, &[3, 4], 1).await.unwrap();
    assert_eq!(held(&store).await, [3, 4]);
}

/// As many letters that never repeat themselves for long.
fn letters(len: usize) -> String {
    let next = |number: &u64| Some(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let numbers = std::iter::successors(Some(1_u64), next);
    numbers.take(len).map(|number| if number >> 63 == 0 { 'a' } else { 'b' }).collect()
}

/// A trace of so many spans, in a service with an attribute of this length.
fn wide(spans: u64, len: usize) -> Bytes {
    let spans = (1..=spans).map(|id| Span {
        trace_id: vec![1; 16],
        span_id: id.to_be_bytes().into(),
        ..Span::default()
    });
    let value = Some(AnyValue { value: Some(Value::StringValue(letters(len))) });
    let attribute = KeyValue { key: "long".to_owned(), value, ..KeyValue::default() };
    let resource_spans = ResourceSpans {
        resource: Some(Resource { attributes: vec![attribute], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec().into()
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn spans_that_are_found_take_no_memory_before_they_are_read() {
    let store = MemoryStore::new(Limits { traces: MANY, bytes: MANY });
    store.write(&Tenant::default(), wide(500, 1 << 20)).await.unwrap();
    let (filter, order) = (Filter::And(Vec::new()), SpanOrder::default());
    let start = TimeRange::default();
    let query = SpanQuery { filter, start, order, limit: MANY, after: None };
    let before = peak();
    // Each has its resource.
    let found = store.find_spans(&Tenant::default(), query).map(|found| found.unwrap().data.len());
    let bytes: usize = found.collect::<Vec<_>>().await.iter().sum();
    assert!(bytes > 500 << 20, "{bytes}");
    let more = peak() - before;
    assert!(more < 100 << 20, "{bytes} bytes of spans took {more} bytes");
}

#[test]
fn a_search_ends_soon_after_nobody_waits_for_it() {
    const LONG: Duration = Duration::from_secs(20);
    let long = Attribute { key: "long".to_owned(), level: None };
    // At each byte thousands of states come together in a way that was not met before.
    let pattern = "[ab]*a(?:[ab]{100}|[ab]{1000}){2}c".to_owned();
    let filter = Filter::Regex(Operand::Attribute(long), pattern);
    let start = TimeRange::default();
    let traces = TraceQuery { filter: filter.clone(), start, limit: 1, after: None };
    let spans = SpanQuery { filter, start, order: SpanOrder::default(), limit: 1, after: None };
    for of_spans in [false, true] {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::new(Limits { traces: MANY, bytes: MANY });
            store.write(&Tenant::default(), wide(1, 4 << 20)).await.unwrap();
            let mut found = match of_spans {
                true => store
                    .find_spans(&Tenant::default(), spans.clone())
                    .map(|it| it.map(drop))
                    .boxed(),
                false => store
                    .find_traces(&Tenant::default(), traces.clone())
                    .map(|it| it.map(drop))
                    .boxed(),
            };
            let searched = timeout(Duration::from_millis(500), found.next()).await;
            assert!(searched.is_err(), "it was no long search");
        });
        let begun = Instant::now();
        runtime.shutdown_timeout(LONG);
        assert!(begun.elapsed() < LONG, "a search of spans, {of_spans}, went on");
    }
}
