//! Traces with many spans.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use traces::Page;

use super::server::{DEADLINE, TestServer, always, span};

/// Writes a trace of this many spans in parts that a request may have, each below the one of half
/// its number.
async fn with_trace(spans: u64) -> TestServer {
    let server = TestServer::start().await;
    let spans: Vec<_> = (1..=spans).map(|id| span(1, id, id / 2)).collect();
    for part in spans.chunks(10_000) {
        server.write("app-a", part.to_vec()).await;
    }
    server
}

/// Less than this with all optimisations, where nothing else runs.
const AIM: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_trace_of_10_000_spans_is_read_and_told_fast() {
    let server = with_trace(10_000).await;
    let storage = server.storage();
    let mut least = Duration::MAX;
    for _ in 0..5 {
        let begin = Instant::now();
        let trace = storage.trace("1").await.unwrap();
        let read = begin.elapsed();
        let (rows, path) = (trace.rows(), trace.critical_path());
        let took = begin.elapsed();
        assert_eq!((rows.len(), path.is_empty(), trace.is_cut()), (10_000, false, false));
        println!("10,000 spans: read in {read:?}, with rows and critical path in {took:?}");
        least = least.min(took);
    }
    let deadline = if cfg!(debug_assertions) { DEADLINE } else { AIM };
    assert!(least < deadline, "{least:?}");
}

#[tokio::test]
async fn of_a_trace_that_is_too_large_50_000_spans_are_read_and_it_says_so() {
    let server = with_trace(50_001).await;
    let storage = server.storage();
    let trace = storage.trace("1").await.unwrap();
    assert_eq!((trace.spans().len(), trace.is_cut()), (50_000, true));
    let page = Page { size: 1, ..Page::default() };
    let [summary] =
        storage.summaries(always(), None, page).await.unwrap().found.try_into().unwrap();
    assert_eq!(summary.spans, 50_001);
}

#[tokio::test]
async fn spans_are_found_across_pages_each_once_and_the_latest_first() {
    let server = with_trace(9_001).await;
    let spans = server.storage().spans(always(), None, 9_000).await.unwrap();
    let ids: Vec<_> = spans.into_iter().map(|span| span.id).collect();
    let expected: Vec<_> = (2..=9_001).rev().map(|id| format!("{id:016x}")).collect();
    assert!(ids == expected, "{} spans", ids.len());
}

/// Values that take little of an answer, and much memory once they are decoded.
#[tokio::test]
async fn of_values_without_end_a_million_are_read() {
    let server = TestServer::start().await;
    let full = |id, values| {
        let attributes = vec![KeyValue::default(); values];
        Span { attributes, ..span(1, id, id / 2) }
    };
    for id in 1..=5 {
        server.write("app-a", vec![full(id, 300_000)]).await;
    }
    let storage = server.storage();
    let trace = storage.trace("1").await.unwrap();
    assert_eq!((trace.spans().len(), trace.is_cut()), (3, true));
    assert_eq!(storage.spans(always(), None, 100).await.unwrap().len(), 3);

    // One alone is more than that.
    server.write("app-a", vec![Span { trace_id: [2; 16].into(), ..full(1, 1_100_000) }]).await;
    let refusal = storage.trace(&"02".repeat(16)).await.unwrap_err().to_string();
    assert!(refusal.contains("more than a million values"), "{refusal}");
}
