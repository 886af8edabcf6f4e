use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_memory::MemoryStore;
use spoor_store::{Dependency, Store, TimeRange};

use crate::support::requests::{key_value, text};
use crate::support::stores::{memory, open_with, tenant};

const SECOND: u64 = 1_000_000_000;
/// The traces that are sent between two segments.
const GROUP: u64 = 10_000;
const GROUPS: u64 = 3;
/// What one of three groups may wait in, but not all of them. By default there is room for all.
const LITTLE: usize = Options::LEAST_READ_BYTES;

/// Few traces wait at a time, if the places of each are read soon after each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_traces_in_several_segments_are_read_once_however_many_they_are() {
    let (disk, expected) = split_store(SECOND / 1_000).await;
    let (calls, reads) = ask(&disk, LITTLE).await;
    assert_eq!(calls, expected);
    let (calls, fewest) = ask(&disk, Options::default().read_bytes).await;
    assert_eq!(calls, expected);
    assert_eq!(reads, fewest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_that_find_no_room_to_wait_are_counted_by_further_reads() {
    let (disk, expected) = split_store(3_600 * SECOND).await;
    let (calls, reads) = ask(&disk, LITTLE).await;
    assert_eq!(calls, expected);
    let (calls, fewest) = ask(&disk, Options::default().read_bytes).await;
    assert_eq!(calls, expected);
    assert!(reads > fewest, "{reads} calls of the disk, and {fewest} with more memory");
}

/// A head is read in steps, so many rows of a trace are as several places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_with_many_rows_in_a_head_and_in_blocks_is_counted_once() {
    let (engine, memory) = (open_with(&SimulatedDisk::new(1), Options::default()), memory());
    let engine = engine.unwrap();
    for part in 0..4 {
        let spans = (0..5_000).map(|index| {
            let id = part * 5_000 + index + 1;
            // Of another service, and mostly sent before or after.
            (id, id * 7 % 20_000 + 1)
        });
        let service = format!("service {part}");
        let spans = spans.map(|(id, parent)| span(1, id, parent, part)).collect();
        write(&engine, &memory, request(&service, spans)).await;
        if part == 0 {
            engine.settle().await.unwrap();
        }
    }
    let calls = engine.dependencies(&tenant(), TimeRange::default()).await.unwrap();
    assert_eq!(calls.len(), 12);
    assert_eq!(calls, memory.dependencies(&tenant(), TimeRange::default()).await.unwrap());
}

/// Traces of a span and its child, which starts so much later. The children arrive when all others
/// have. And the calls between them.
async fn split_store(later: u64) -> (SimulatedDisk, Vec<Dependency>) {
    let disk = SimulatedDisk::new(1);
    let (engine, memory) = (open_with(&disk, Options::default()).unwrap(), memory());
    for (service, parent, later) in [("caller", 0, 0), ("called", 1, later)] {
        for group in 0..GROUPS {
            let spans = (0..GROUP).map(|index| {
                let start = group * SECOND + index * (SECOND / GROUP) + later;
                span(1 + group * GROUP + index, parent + 1, parent, start)
            });
            write(&engine, &memory, request(service, spans.collect())).await;
            engine.settle().await.unwrap();
        }
    }
    let calls = memory.dependencies(&tenant(), TimeRange::default()).await.unwrap();
    assert_eq!(calls.iter().map(|pair| pair.calls).collect::<Vec<_>>(), [GROUPS * GROUP]);
    (disk, calls)
}

/// What a store with so much memory for reads answers, and how many calls of the disk that takes.
async fn ask(disk: &SimulatedDisk, read_bytes: usize) -> (Vec<Dependency>, u64) {
    let disk = disk.duplicate();
    let store = open_with(&disk, Options { read_bytes, ..Options::default() }).unwrap();
    store.settle().await.unwrap();
    let before = disk.calls();
    let calls = store.dependencies(&tenant(), TimeRange::default()).await.unwrap();
    let reads = disk.calls() - before;
    assert_eq!(store.read_memory(), 0);
    (calls, reads)
}

async fn write(engine: &EmbeddedStore, memory: &MemoryStore, request: Bytes) {
    engine.write(&tenant(), request.clone()).await.unwrap();
    memory.write(&tenant(), request).await.unwrap();
}

fn request(service: &str, spans: Vec<Span>) -> Bytes {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let attributes = vec![key_value("service.name", text(service))];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn span(trace: u64, id: u64, parent: u64, start: u64) -> Span {
    let start = 1_700_000_000 * SECOND + start;
    Span {
        trace_id: trace.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(2),
        span_id: id.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        name: "operation".to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_000,
        ..Span::default()
    }
}
