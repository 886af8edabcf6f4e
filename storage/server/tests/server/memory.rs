//! The memory of a process that streams a large trace.
#![cfg(target_os = "linux")]

use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_store::CHUNK_BYTES;

use super::support::{Program, by_id, channel, export, span, span_count};

const SPANS: u64 = 200_000;

/// The most memory that the process has had since the last call, in bytes.
fn peak_since_reset(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    // proc(5): writing 5 sets the peak back to what is used now.
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}

#[tokio::test]
async fn a_trace_of_200_000_spans_streams_with_bounded_memory() {
    // Eight readers with a chunk in hand and one on its way, of the embedded engine also with a
    // block, were seen to take 21 and 7 MiB; a copy of the trace is some 40 MiB.
    for engine in ["engine=memory", "engine=embedded"] {
        let grown = growth_by_eight_readers(engine).await;
        assert!(grown < 32 << 20, "{engine}: grew by {} MiB", grown >> 20);
    }
}

/// By how much the process grows while eight clients read the same trace.
async fn growth_by_eight_readers(engine: &str) -> usize {
    let program = Program::start(&[engine]).await;
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    for first in (1..=SPANS).step_by(10_000) {
        let spans = (first..first + 10_000).map(|id| {
            let mut span = span(1, id);
            span.name = "x".repeat(150);
            span
        });
        writer.export(export("app", spans.collect())).await.unwrap();
    }
    peak_since_reset(program.pid);
    let before = peak_since_reset(program.pid);

    let reads = (0..8).map(|_| {
        let mut reader = TraceReaderClient::new(channel(program.grpc));
        tokio::spawn(async move {
            let mut stream = reader.get_traces(by_id(1)).await.unwrap().into_inner();
            let mut spans = 0;
            while let Some(chunk) = stream.message().await.unwrap() {
                assert!(chunk.0.len() < CHUNK_BYTES);
                spans += span_count(&chunk) as u64;
            }
            assert_eq!(spans, SPANS);
        })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap();
    }
    peak_since_reset(program.pid).saturating_sub(before)
}
