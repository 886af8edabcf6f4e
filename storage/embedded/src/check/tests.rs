use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_store::{Store, Tenant};

use super::*;
use crate::disk::SimulatedDisk;
use crate::{EmbeddedStore, Options};

const DIR: &str = "tenant-";

/// An export request of one trace of so many spans.
fn request(trace: u8, spans: u64) -> Bytes {
    let span = |id: u64| Span {
        trace_id: vec![trace; 16],
        span_id: id.to_be_bytes().to_vec(),
        name: format!("operation {id}"),
        start_time_unix_nano: 1_000 * id,
        end_time_unix_nano: 1_000 * id + 7,
        ..Span::default()
    };
    let spans = (1..=spans).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn open(disk: &Arc<SimulatedDisk>) -> EmbeddedStore {
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    EmbeddedStore::open_on(disk, Options::default(), || 1).unwrap()
}

/// A store with two segments, of 10 and 20 spans, and a log with 3 records of 5 spans.
async fn store() -> Arc<SimulatedDisk> {
    let disk = Arc::new(SimulatedDisk::new(1));
    let store = open(&disk);
    let tenant = Tenant::default();
    for spans in [10, 20] {
        store.write(&tenant, request(spans as u8, spans)).await.unwrap();
        store.settle().await.unwrap();
    }
    for trace in 1..=3 {
        store.write(&tenant, request(trace, 5)).await.unwrap();
    }
    disk
}

fn spans(store: &EmbeddedStore) -> u64 {
    store.usage().spans
}

fn run(disk: &SimulatedDisk, repair: bool) -> Report {
    check_on(disk, repair, &mut |_| {}).unwrap()
}

fn files(disk: &SimulatedDisk, kind: &str) -> Vec<String> {
    let names = disk.list(DIR).unwrap().into_iter();
    names.filter(|name| name.starts_with(kind)).map(|name| format!("{DIR}/{name}")).collect()
}

/// Damages a store, and checks what is found, what is left after a repair, and that a second
/// check finds nothing.
async fn damaged(damage: impl Fn(&SimulatedDisk), losses: &[Loss], left: u64) -> Report {
    let disk = store().await;
    damage(&disk);
    let report = run(&disk, false);
    let found: Vec<Loss> = report.findings.iter().map(|finding| finding.loss).collect();
    assert_eq!(found, losses, "{:#?}", report.findings);
    assert!(!report.is_sound());
    assert!(run(&disk, true).is_sound());
    let again = run(&disk, false);
    assert_eq!(again.findings, []);
    assert_eq!(again.spans, left);
    assert_eq!(spans(&open(&disk)), left);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_store_has_no_findings_and_is_counted() {
    let disk = store().await;
    let report = run(&disk, true);
    assert_eq!(report.findings, []);
    assert!(report.is_sound() && !report.repaired);
    assert_eq!((report.segments, report.blocks, report.spans), (2, 2, 45));
    assert_eq!(spans(&open(&disk)), 45);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_block_costs_its_spans_and_the_file_is_kept() {
    let disk = store().await;
    let path = files(&disk, "segment")[0].clone();
    disk.flip(&path, 100, 1).unwrap();
    let report = run(&disk, true);
    let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.block, finding.loss), (Some(0), Loss::Spans(10)));
    assert_eq!(finding.file, path);
    assert_eq!(spans(&open(&disk)), 35);
    assert_eq!(disk.list(&format!("{DIR}/damaged")).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_twice_costs_nothing() {
    let last = |disk: &SimulatedDisk| {
        let path = files(disk, "segment")[0].clone();
        disk.flip(&path, disk.size(&path).unwrap() as usize - 1, 1).unwrap();
    };
    damaged(last, &[Loss::Nothing], 45).await;
    let header = |disk: &SimulatedDisk| disk.flip(&files(disk, "segment")[1], 0, 1).unwrap();
    damaged(header, &[Loss::Nothing], 45).await;
    let manifest = |disk: &SimulatedDisk| disk.flip("tenant-/MANIFEST", 9, 1).unwrap();
    damaged(manifest, &[Loss::Nothing], 45).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_cannot_be_opened_costs_its_spans_and_no_others() {
    let cut = |disk: &SimulatedDisk| {
        let path = files(disk, "segment")[1].clone();
        let contents = disk.contents(&path).unwrap();
        disk.create(&path).unwrap().append(&contents[..contents.len() / 2]).unwrap();
    };
    damaged(cut, &[Loss::Spans(20)], 25).await;
    let gone = |disk: &SimulatedDisk| disk.remove(&files(disk, "segment")[0]).unwrap();
    damaged(gone, &[Loss::Spans(10)], 35).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_in_the_place_of_another_costs_the_others_spans_and_none_are_there_twice() {
    let overwritten = |disk: &SimulatedDisk| {
        let paths = files(disk, "segment");
        let contents = disk.contents(&paths[0]).unwrap();
        disk.create(&paths[1]).unwrap().append(&contents).unwrap();
    };
    damaged(overwritten, &[Loss::Spans(20)], 25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_kept_where_there_are_no_links_too() {
    let disk = store().await;
    disk.forbid_links();
    let path = files(&disk, "segment")[0].clone();
    disk.flip(&path, 100, 1).unwrap();
    let contents = disk.contents(&path).unwrap();
    assert!(run(&disk, true).is_sound());
    assert_eq!(spans(&open(&disk)), 35);
    let kept = path.replace(DIR, "tenant-/damaged");
    assert_eq!(disk.contents(&kept).unwrap(), contents);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_costs_itself_and_the_log_is_kept() {
    let record = |disk: &SimulatedDisk| {
        let path = files(disk, "log").pop().unwrap();
        disk.flip(&path, 24 + 32 + 10, 1).unwrap();
    };
    let len = 32 + request(1, 5).len() as u64;
    damaged(record, &[Loss::Bytes(len)], 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_manifest_is_made_of_what_is_there() {
    let gone = |disk: &SimulatedDisk| disk.remove("tenant-/MANIFEST").unwrap();
    damaged(gone, &[Loss::Nothing], 45).await;
    let both = |disk: &SimulatedDisk| {
        let len = disk.size("tenant-/MANIFEST").unwrap() as usize;
        disk.flip("tenant-/MANIFEST", 9, 1).unwrap();
        disk.flip("tenant-/MANIFEST", len - 1, 1).unwrap();
    };
    damaged(both, &[Loss::Nothing], 45).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_damaged_byte_is_found() {
    let disk = store().await;
    let all = [files(&disk, "segment"), files(&disk, "log"), files(&disk, "MANIFEST")].concat();
    for path in all {
        for offset in 0..disk.size(&path).unwrap() as usize {
            disk.flip(&path, offset, 0x80).unwrap();
            let report = run(&disk, false);
            assert_ne!(report.findings, [], "byte {offset} of {path}");
            disk.flip(&path, offset, 0x80).unwrap();
        }
    }
}
