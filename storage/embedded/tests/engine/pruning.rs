//! Searches read few blocks besides those that have what they ask for.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use prost::Message;
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::{LegacyQuery, Store, TraceId};

use crate::support::requests::{key_value, text};
use crate::support::stores::{open_with, tenant};

/// Each trace is a block.
const TRACES: u8 = 60;
const SPANS: u64 = 24;
const SECOND: u64 = 1_000_000_000;
/// The trace with a span of the cart that is slow.
const SLOW: u8 = 23;

fn spans(service: &str, trace: u8, durations: impl Iterator<Item = u64>) -> ResourceSpans {
    let first_id = if service == "cart" { 1 } else { 1 << 32 };
    let spans = (first_id..).zip(durations).map(|(id, duration)| Span {
        trace_id: vec![trace; 16],
        span_id: u64::to_be_bytes(id).to_vec(),
        name: "work".to_owned(),
        start_time_unix_nano: 1_700_000_000 * SECOND,
        end_time_unix_nano: 1_700_000_000 * SECOND + duration,
        attributes: vec![key_value("code", text("200"))],
        ..Span::default()
    });
    let attributes = vec![key_value("service.name", text(service))];
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

/// A trace in which the shop is slow, and the cart is not, but for one.
fn request(trace: u8) -> Bytes {
    let is_slow = |id: u64| trace == SLOW && id == 5;
    let cart = (0..SPANS / 2).map(|id| if is_slow(id) { SECOND } else { 1_000_000 + id });
    let shop = (0..SPANS / 2).map(|id| 10 * SECOND + id);
    let resource_spans = vec![spans("cart", trace, cart), spans("shop", trace, shop)];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

async fn store() -> EmbeddedStore {
    let options = Options { block_spans: SPANS as u32, ..Options::default() };
    let store = open_with(&SimulatedDisk::new(1), options).unwrap();
    for trace in 1..=TRACES {
        store.write(&tenant(), request(trace)).await.unwrap();
    }
    store.settle().await.unwrap();
    store
}

/// The blocks that searches read so far, and those that they did not.
fn counted(store: &EmbeddedStore) -> (u64, u64) {
    let mut registry = Registry::default();
    store.register_metrics(&mut registry);
    let mut metrics = String::new();
    encode(&mut metrics, &registry).unwrap();
    let number = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("there is no {name} in {metrics}")).trim().parse().unwrap()
    };
    (number("store_search_blocks_read_total "), number("store_search_blocks_skipped_total "))
}

/// The traces that a search finds, and how many blocks it reads.
async fn search(store: &EmbeddedStore, query: LegacyQuery) -> (Vec<u8>, u64) {
    let (read_before, skipped_before) = counted(store);
    let query = LegacyQuery { depth: 1_000, ..query }.compile(1_000).unwrap();
    let found = store.find_trace_ids(&tenant(), query).await.unwrap();
    let (read, skipped) = counted(store);
    let (read, skipped) = (read - read_before, skipped - skipped_before);
    assert_eq!(read + skipped, u64::from(TRACES), "each trace is a block");
    let mut traces: Vec<u8> = found.iter().map(|found| of_id(found.trace_id)).collect();
    traces.sort_unstable();
    (traces, read)
}

fn of_id(id: TraceId) -> u8 {
    id.as_bytes()[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_long_spans_of_a_service_reads_no_block_in_which_only_others_are_long() {
    let store = store().await;
    let at_least = |service: &str, nanos| LegacyQuery {
        service: service.to_owned(),
        duration_min: Some(nanos),
        ..LegacyQuery::default()
    };
    let all: Vec<u8> = (1..=TRACES).collect();
    assert_eq!(search(&store, at_least("cart", SECOND)).await, (vec![SLOW], 1));
    assert_eq!(search(&store, at_least("cart", SECOND / 1_000)).await, (all.clone(), 60));
    assert_eq!(search(&store, at_least("shop", SECOND)).await, (all.clone(), 60));
    assert_eq!(search(&store, at_least("", SECOND)).await, (all, 60));
    // A step is half an octave: as long as this the cart's slow span is not, but it might be.
    assert_eq!(search(&store, at_least("cart", SECOND + SECOND / 50)).await, (vec![], 1));
    assert_eq!(search(&store, at_least("cart", 2 * SECOND)).await, (vec![], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_an_attribute_that_no_span_has_reads_no_block() {
    let store = store().await;
    let with = |key: &str, value: &str| LegacyQuery {
        attributes: vec![(key.to_owned(), value.to_owned())],
        ..LegacyQuery::default()
    };
    assert_eq!(search(&store, with("code", "200")).await.1, 60);
    for number in 0..100 {
        // Of the values alone, each passes one block in a hundred at each of two levels.
        let key = format!("no.such.key.{number}");
        assert_eq!(search(&store, with(&key, "200")).await, (vec![], 0), "{key}");
    }
}
