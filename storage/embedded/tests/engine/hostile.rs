//! Searches that would take very long hold up nobody, and end soon after nobody waits for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::filter::{Attribute, Filter, Operand};
use spoor_store::{Store, TimeRange, TraceQuery};
use tokio::runtime::Builder;

use crate::support::requests::{key_value, text};
use crate::support::stores::{open_with, tenant};

/// Longer than anything here takes that does not wait for a search.
const LONG: Duration = Duration::from_secs(20);

/// Text that never repeats itself for long.
fn letters() -> String {
    let mut random = StdRng::seed_from_u64(1);
    (0..4 << 20).map(|_| if random.random() { 'a' } else { 'b' }).collect()
}

fn request(trace: u8) -> Bytes {
    let span = Span {
        trace_id: vec![trace; 16],
        span_id: vec![1; 8],
        attributes: vec![key_value("long", text(&letters()))],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

/// At each byte of the long text thousands of states come together in a way that was not met before.
fn query() -> TraceQuery {
    let long = Operand::Attribute(Attribute { key: "long".to_owned(), level: None });
    let pattern = "[ab]*a(?:[ab]{100}|[ab]{1000}){2}c".to_owned();
    let filter = Filter::Regex(long, pattern);
    TraceQuery { filter, start: TimeRange::default(), limit: 10, after: None }
}

async fn until_memory_of_reads(store: &EmbeddedStore, is: impl Fn(usize) -> bool) {
    let mut registry = Registry::default();
    store.register_metrics(&mut registry);
    let begun = Instant::now();
    loop {
        let mut metrics = String::new();
        encode(&mut metrics, &registry).unwrap();
        let name = "store_read_memory_bytes ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        if is(line.trim().parse().unwrap()) {
            return;
        }
        assert!(begun.elapsed() < LONG, "reads still hold {line} bytes");
        tokio::task::yield_now().await;
    }
}

async fn ends_when_nobody_waits(store: &Arc<EmbeddedStore>) {
    let own = Arc::clone(store);
    let ids = tokio::spawn(async move { own.find_trace_ids(&tenant(), query()).await });
    until_memory_of_reads(store, |bytes| bytes > 0).await;
    // A search that has no answer yet holds up no write, and no other search.
    tokio::time::timeout(LONG, store.write(&tenant(), request(2))).await.unwrap().unwrap();
    let all = TraceQuery { filter: Filter::And(Vec::new()), ..query() };
    let found = tokio::time::timeout(LONG, store.find_trace_ids(&tenant(), all)).await.unwrap();
    assert_eq!(found.unwrap().len(), 2);
    assert!(!ids.is_finished(), "it was no long search");
    ids.abort();
    until_memory_of_reads(store, |bytes| bytes == 0).await;

    let mut traces = store.find_traces(&tenant(), query());
    assert!(tokio::time::timeout(Duration::from_millis(1), traces.next()).await.is_err());
    until_memory_of_reads(store, |bytes| bytes > 0).await;
    drop(traces);
    until_memory_of_reads(store, |bytes| bytes == 0).await;
}

#[test]
fn a_hostile_pattern_ends_with_its_caller_and_holds_up_no_write() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ended = runtime.block_on(runtime.spawn(async {
        let options = Options { head_bytes: 64 << 20, log_bytes: 64 << 20, ..Options::default() };
        let store = Arc::new(open_with(&SimulatedDisk::new(1), options).unwrap());
        store.write(&tenant(), request(1)).await.unwrap();
        ends_when_nobody_waits(&store).await;
        store.freeze().await.unwrap();
        store.settle().await.unwrap();
        ends_when_nobody_waits(&store).await;
    }));
    // A search that does not end is not waited for.
    runtime.shutdown_background();
    ended.unwrap();
}
