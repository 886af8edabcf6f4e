//! Merging goes on whatever else does: at the limit of the disk, beside a file that cannot be read.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::Store;
use tempfile::TempDir;

use crate::support::exports::{Exports, export, exports_in};
use crate::support::requests::key_value;
use crate::support::stores::{open_with, small, tenant};

fn segments(disk: &SimulatedDisk) -> usize {
    disk.files().into_iter().filter(|file| file.contains("segment-")).count()
}

/// An export that hardly becomes smaller on the disk.
fn noise(number: u64) -> Bytes {
    let mut noise = vec![0; 2_000];
    StdRng::seed_from_u64(number).fill_bytes(&mut noise);
    let span = Span {
        trace_id: (1 + number).to_be_bytes().repeat(2),
        span_id: (1 + number).to_be_bytes().into(),
        attributes: vec![key_value("noise", Value::BytesValue(noise))],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_few_segments_although_the_disk_is_always_full() {
    let disk = SimulatedDisk::new(1);
    let options = Options { disk_bytes: 128 * small().log_bytes, ..small() };
    let store = open_with(&disk, options).unwrap();
    let mut most = 0;
    for number in 0..4_000 {
        store.write(&tenant(), noise(number)).await.unwrap();
        if number % 100 == 0 {
            store.settle().await.unwrap();
            most = most.max(segments(&disk));
        }
    }
    assert!(store.usage().evicted_traces > 0, "the disk was never full");
    assert!(most < 40, "{most} segments");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_that_cannot_be_read_does_not_stop_the_merging_of_others() {
    let directory = TempDir::new().unwrap();
    let segments = |tenant: &Path| -> Vec<_> {
        let entries = fs::read_dir(tenant).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_str().unwrap().contains("segment-")).collect()
    };
    let store = EmbeddedStore::open(directory.path(), small()).unwrap();
    for number in 1..=40 {
        store.write(&tenant(), export(number)).await.unwrap();
        store.settle().await.unwrap();
        if number == 1 {
            let [first] = &segments(&directory.path().join("tenant-"))[..] else { panic!() };
            File::options().write(true).open(first).unwrap().set_len(100).unwrap();
        }
    }
    let left = segments(&directory.path().join("tenant-")).len();
    assert!(left < 20, "{left} segments were not merged");
}

/// A segment is deleted as a whole, so what is merged must have arrived about the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_merged_is_deleted_nearly_as_soon_as_what_is_not() {
    const SECOND: u64 = 1_000_000_000;
    let time = Arc::new(AtomicU64::new(SECOND));
    let clock = Arc::clone(&time);
    let options = Options { retention: Duration::from_secs(160), ..small() };
    let disk = SimulatedDisk::new(1);
    let store = EmbeddedStore::open_on(Arc::new(disk.clone()), options, move || {
        clock.load(Ordering::Relaxed)
    })
    .unwrap();
    let exports = Exports::default();
    for number in 1..=300 {
        time.fetch_add(SECOND, Ordering::Relaxed);
        exports.write(&store, number).await.unwrap();
        store.settle().await.unwrap();
        let there = exports_in(&store, "merged").await.unwrap();
        let age = number - there.first().unwrap();
        assert!(age <= 160 + 160 / 8 + 1, "{age} s");
    }
    assert!(segments(&disk) < 60, "nothing was merged");
}
