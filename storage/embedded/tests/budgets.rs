//! What is large in one way or another takes no more memory than it should.
//!
//! The memory of the process is measured, so each of them has one of its own: what the allocator
//! keeps after one must not count to the next.

use std::collections::HashSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::otlp::spans_of;
use spoor_store::{LegacyQuery, ReadError, Store, Tenant, TimeRange, TraceId, TraceLookup};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

/// What the process may take besides two heads: the requests on their way, a segment in the making
/// and what is merged, the filters of its blocks, a read; the program, and what the test does.
const BESIDE_HEADS: u64 = 64 * MIB;

fn options() -> Options {
    Options { head_bytes: 8 << 20, log_bytes: 16 << 20, ..Options::default() }
}

/// As `spoor` runs: what is held is asked, not what glibc keeps for each thread.
const TUNABLES: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.malloc.arena_max=2:glibc.malloc.mmap_threshold=131072:\
     glibc.malloc.trim_threshold=1048576",
);

/// Names one of them, in the process that is to do it.
const WHICH: &str = "SPOOR_TEST_LARGE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_large_stays_within_the_memory() {
    match std::env::var(WHICH).as_deref() {
        Ok("trace") => large_trace().await,
        Ok("span") => large_span().await,
        Ok("traces") => many_traces().await,
        Ok("services") => many_services().await,
        Ok("values") => many_values().await,
        Ok("readers") => many_readers().await,
        Ok("writers") => many_writers().await,
        _ => {
            for which in ["trace", "span", "traces", "services", "values", "readers", "writers"] {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.arg("--nocapture").env(WHICH, which).env(TUNABLES.0, TUNABLES.1);
                let ended = command.status().unwrap();
                assert!(ended.success(), "{which}");
            }
        }
    }
}

async fn large_trace() {
    let (store, _directory) = open();
    let peak = Peak::begin("a trace of 200,000 spans");
    for part in 0..100 {
        let spans = (0..2_000).map(|index| span(1, part * 2_000 + index + 1, Vec::new()));
        write(&store, vec![of_service("service", spans.collect())]).await;
    }
    store.settle().await.unwrap();
    peak.end();
    let peak = Peak::begin("reading it");
    assert_eq!(count(&store, 1).await, 200_000);
    let query = LegacyQuery::default().compile(10).unwrap();
    let summaries: Vec<_> = store.find_summaries(&tenant(), query).try_collect().await.unwrap();
    assert_eq!(summaries[0].spans, 200_000);
    peak.end();
}

async fn large_span() {
    let (store, _directory) = open();
    let peak = Peak::begin("spans of 10 MiB");
    for trace in 1..=4 {
        let large = vec![attribute("text", &"a large text ".repeat(10 << 20 >> 4))];
        write(&store, vec![of_service("service", vec![span(trace, 1, large)])]).await;
    }
    store.settle().await.unwrap();
    assert_eq!(count(&store, 3).await, 1);
    peak.end();
}

async fn many_traces() {
    let (store, _directory) = open();
    let peak = Peak::begin("100,000 traces of one span");
    for part in 0..100 {
        let spans = (0..1_000).map(|index| span(1 + part * 1_000 + index, 1, Vec::new()));
        write(&store, vec![of_service("service", spans.collect())]).await;
    }
    store.settle().await.unwrap();
    let query = LegacyQuery { depth: 100_000, ..LegacyQuery::default() }.compile(100_000).unwrap();
    assert_eq!(store.find_trace_ids(&tenant(), query).await.unwrap().len(), 100_000);
    peak.end();
}

async fn many_services() {
    let (store, _directory) = open();
    let peak = Peak::begin("10,000 services");
    for part in 0..10 {
        let resources = (0..1_000).map(|index| {
            let number = part * 1_000 + index;
            of_service(&format!("service {number}"), vec![span(1 + number, 1, Vec::new())])
        });
        write(&store, resources.collect()).await;
    }
    store.settle().await.unwrap();
    assert_eq!(store.services(&tenant()).await.unwrap().len(), 10_000);
    peak.end();
}

async fn many_values() {
    let (store, _directory) = open();
    let peak = Peak::begin("a million values");
    for part in 0..100 {
        let spans = (0..1_000).map(|index| {
            let number = part * 1_000 + index;
            let values =
                (0..10).map(|key| attribute(&format!("k{key}"), &format!("{number}-{key}")));
            span(1 + number / 10, 1 + number, values.collect())
        });
        write(&store, vec![of_service("service", spans.collect())]).await;
    }
    store.settle().await.unwrap();
    let attributes = vec![("k7".to_owned(), "61234-7".to_owned())];
    let query = LegacyQuery { attributes, ..LegacyQuery::default() }.compile(10).unwrap();
    assert_eq!(store.find_trace_ids(&tenant(), query).await.unwrap().len(), 1);
    peak.end();
}

/// What the answers take that this test looks at.
const BESIDE_READS: u64 = 8 * MIB;

async fn many_readers() {
    let directory = TempDir::new().unwrap();
    let options = Options { read_wait: Duration::from_secs(600), ..options() };
    let read_bytes = options.read_bytes as u64;
    let store = Arc::new(EmbeddedStore::open(directory.path(), options).unwrap());
    for part in 0..100 {
        let value =
            |id: u64| attribute("payload", &format!("{id} is one of many values").repeat(4));
        let spans = |count| (0..count).map(move |index| part * count + index + 1);
        let large = spans(2_000).map(|id| span(1, id, vec![value(id)]));
        write(&store, vec![of_service("large", large.collect())]).await;
        let small = spans(200).map(|id| span(2 + id / 2, id, vec![value(id)]));
        write(&store, vec![of_service("small", small.collect())]).await;
    }
    store.settle().await.unwrap();
    let before = status("VmRSS:");
    let peak = Peak::begin("32 readers");
    let readers: Vec<_> = (0..32)
        .map(|reader| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let wide = |depth| {
                    let service = "small".to_owned();
                    LegacyQuery { service, depth, ..LegacyQuery::default() }.compile(100_000)
                };
                match reader % 4 {
                    0 => assert_eq!(count(&store, 1).await, 200_000),
                    1 => {
                        let chunks = store.find_traces(&tenant(), wide(1_000).unwrap());
                        let traces = chunks.map_ok(|chunk| chunk.trace_id);
                        let traces: HashSet<_> = traces.try_collect().await.unwrap();
                        assert_eq!(traces.len(), 1_000);
                    }
                    2 => {
                        let found = store.find_trace_ids(&tenant(), wide(10_000).unwrap()).await;
                        assert_eq!(found.unwrap().len(), 10_000);
                    }
                    // What grows with this answer there is for one at a time.
                    _ => loop {
                        let all = TimeRange::default();
                        match store.dependencies(&tenant(), all).await {
                            Ok(calls) => break assert_eq!(calls, []),
                            Err(ReadError::Overloaded { retry_after, .. }) => {
                                tokio::time::sleep(retry_after).await;
                            }
                            Err(error) => panic!("{error}"),
                        }
                    },
                }
            })
        })
        .collect();
    for reader in readers {
        reader.await.unwrap();
    }
    peak.end_below(before + read_bytes + BESIDE_READS);
    assert_eq!(store.read_memory(), 0);
}

/// Spans of ids alone take the most memory for their bytes. All writers come at once, so that
/// what one of them is about to add is in no head when the next one is let in.
async fn many_writers() {
    const SPANS: u64 = 20_000;
    let directory = TempDir::new().unwrap();
    let options = Options { write_wait: Duration::from_secs(600), ..options() };
    let budget = 2 * options.head_bytes;
    let store = Arc::new(EmbeddedStore::open(directory.path(), options).unwrap());
    let request = |export: u64| {
        let spans = (0..SPANS).map(|index| {
            let id = export * SPANS + index + 1;
            Span { trace_id: trace_id(id), span_id: id.to_be_bytes().into(), ..Span::default() }
        });
        let scope_spans = vec![ScopeSpans { spans: spans.collect(), ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec())
    };
    store.write(&tenant(), request(0)).await.unwrap();
    let one = store.head_memory();
    store.settle().await.unwrap();

    let requests: Vec<_> = (1..=24).map(request).collect();
    let writers: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.write(&tenant(), request).await.unwrap() })
        })
        .collect();
    let mut most = 0;
    while !writers.iter().all(|writer| writer.is_finished()) {
        most = most.max(store.head_memory());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    eprintln!("heads: {} KiB of {}, one export {}", most >> 10, budget >> 10, one >> 10);
    assert!(most <= budget + one, "{most} bytes of heads, one export takes {one}");
}

/// The most memory that the process has while something is done.
struct Peak {
    what: &'static str,
    since: Instant,
}

impl Peak {
    fn begin(what: &'static str) -> Self {
        // Resets the peak: see proc_pid_clear_refs(5).
        fs::write("/proc/self/clear_refs", "5").unwrap();
        Self { what, since: Instant::now() }
    }

    fn end(self) {
        self.end_below(2 * options().head_bytes as u64 + BESIDE_HEADS);
    }

    fn end_below(self, most: u64) {
        let Self { what, since } = self;
        let taken = status("VmHWM:");
        eprintln!("{what}: {} MiB of {}, {:?}", taken / MIB, most / MIB, since.elapsed());
        assert!(taken <= most, "{what} took {} MiB, more than {}", taken / MIB, most / MIB);
    }
}

/// A line of the process's status, in bytes.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn open() -> (EmbeddedStore, TempDir) {
    let directory = TempDir::new().unwrap();
    (EmbeddedStore::open(directory.path(), options()).unwrap(), directory)
}

fn tenant() -> Tenant {
    Tenant::new("")
}

async fn write(store: &EmbeddedStore, resource_spans: Vec<ResourceSpans>) {
    let request = ExportTraceServiceRequest { resource_spans };
    let request: Bytes = request.encode_to_vec().into();
    store.write(&tenant(), request).await.unwrap();
}

/// The spans of a trace.
async fn count(store: &EmbeddedStore, trace: u64) -> usize {
    let trace_id = TraceId::from_slice(&trace_id(trace)).unwrap();
    let lookup = TraceLookup { trace_id, hint: TimeRange::default() };
    let mut chunks = store.get_traces(&tenant(), vec![lookup]);
    let mut count = 0;
    while let Some(chunk) = chunks.try_next().await.unwrap() {
        count += spans_of(&chunk.data).count();
    }
    count
}

fn trace_id(trace: u64) -> Vec<u8> {
    trace.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(2)
}

fn span(trace: u64, id: u64, attributes: Vec<KeyValue>) -> Span {
    let start = 1_700_000_000_000_000_000 + id * 1_000;
    Span {
        trace_id: trace_id(trace),
        span_id: id.to_be_bytes().into(),
        parent_span_id: if id == 1 { Vec::new() } else { (id / 2).to_be_bytes().into() },
        name: "operation".to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_000_000,
        attributes,
        ..Span::default()
    }
}

fn attribute(key: &str, text: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn of_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let attributes = vec![attribute("service.name", service)];
    let resource = Some(Resource { attributes, ..Resource::default() });
    ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
}
