//! Snapshots are stores of their own, whatever the store does meanwhile.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::snapshot::snapshot;
use spoor_embedded::{Durability, EmbeddedStore, Options};
use spoor_store::otlp::spans_of;
use spoor_store::{Store, Tenant, TimeRange, TraceId, TraceLookup};

/// The spans of each trace.
const SPANS: usize = 4;

/// Heads so small that segments are made and merged all the time.
fn options() -> Options {
    Options {
        log_bytes: 32 << 10,
        head_bytes: 256 << 10,
        durability: Durability::Async(Duration::from_secs(60)),
        ..Options::default()
    }
}

fn request(trace: u128) -> Bytes {
    let span = |id: u64| Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        name: format!("operation {}", trace.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_003),
        start_time_unix_nano: 1_000 * id,
        end_time_unix_nano: 1_000 * id + 7,
        ..Span::default()
    };
    let spans = (1..=SPANS as u64).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn tenants() -> [Tenant; 2] {
    [Tenant::default(), Tenant::new("other tenant")]
}

/// Expects a store in a directory that has each of these traces wholly, and once.
async fn assert_has(directory: &Path, ids: &BTreeSet<u128>) {
    let store = EmbeddedStore::open(directory, options()).unwrap();
    for tenant in tenants() {
        let lookups = ids.iter().map(|id| TraceLookup {
            trace_id: TraceId::from_slice(&id.to_be_bytes()).unwrap(),
            hint: TimeRange::default(),
        });
        let chunks: Vec<_> =
            store.get_traces(&tenant, lookups.collect()).try_collect().await.unwrap();
        let spans: usize = chunks.iter().map(|chunk| spans_of(&chunk.data).count()).sum();
        assert_eq!(spans, SPANS * ids.len());
    }
}

/// Waits until there are so many. Gives them.
async fn at_least(acknowledged: &Mutex<BTreeSet<u128>>, count: usize) -> BTreeSet<u128> {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let found = acknowledged.lock().unwrap().clone();
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < end, "only {} traces were acknowledged", found.len());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_what_was_acknowledged_before_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let store = Arc::new(EmbeddedStore::open(&directory, options()).unwrap());
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let is_ending = Arc::new(AtomicBool::new(false));
    let writers = (1..=2_u128).map(|writer| {
        let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
        let is_ending = Arc::clone(&is_ending);
        tokio::spawn(async move {
            for number in 0.. {
                if is_ending.load(Ordering::Relaxed) {
                    break;
                }
                let trace = writer << 64 | number;
                for tenant in tenants() {
                    store.write(&tenant, request(trace)).await.unwrap();
                }
                acknowledged.lock().unwrap().insert(trace);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut taken = Vec::new();
    for number in 0..20 {
        let target = folder.path().join(format!("snapshot {number}"));
        let before = at_least(&acknowledged, 20 * (number + 1)).await;
        let (from, to) = (directory.clone(), target.clone());
        let summary =
            tokio::task::spawn_blocking(move || snapshot(&from, &to, &mut |_| {}, &|| false));
        let summary = summary.await.unwrap().unwrap();
        assert_eq!(summary.copied_segments, 0, "segments are linked");
        taken.push((target, before));
    }
    is_ending.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let segments = std::fs::read_dir(directory.join("tenant-")).unwrap().count();
    assert!(segments > 2, "segments were made meanwhile");
    drop(store);
    for (target, before) in taken {
        assert_has(&target, &before).await;
    }
    let all = acknowledged.lock().unwrap().clone();
    assert_has(&directory, &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    drop(EmbeddedStore::open(&directory, options()).unwrap());
    let target = folder.path().join("target");
    std::fs::create_dir_all(directory.join("tenant-")).unwrap();
    std::fs::write(directory.join("tenant-/MANIFEST"), "nothing of the kind").unwrap();
    let error = snapshot(&directory, &target, &mut |_| {}, &|| false).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = snapshot(&directory, folder.path(), &mut |_| {}, &|| false).unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
}
