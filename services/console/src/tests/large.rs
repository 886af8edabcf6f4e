//! Traces of 10,000 spans.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use tokio::net::TcpListener;

use super::stand::{Stand, text};
use super::telemetry::{attribute, id, now, of, string};

const SPANS: u64 = 10_000;
/// Of a page; twenty times that without optimization, beside other tests.
const AIM: Duration = Duration::from_millis(if cfg!(debug_assertions) { 10_000 } else { 500 });

/// Each span below the one that `parent` says, 0 for none.
async fn written(stand: &Stand, trace: u128, parent: impl Fn(u64) -> u64) {
    let begin = now() - 60_000_000_000;
    let spans: Vec<_> = (1..=SPANS)
        .map(|number| {
            let parent = parent(number);
            let kind = if number % 2 == 0 { SpanKind::Client } else { SpanKind::Server };
            Span {
                trace_id: trace.to_be_bytes().into(),
                span_id: number.to_be_bytes().into(),
                parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
                name: format!("GET /{}", number % 50),
                kind: kind.into(),
                start_time_unix_nano: begin + number * 1_000,
                end_time_unix_nano: begin + (2 * SPANS - number) * 1_000,
                attributes: vec![attribute("http.request.method", string("GET"))],
                ..Span::default()
            }
        })
        .collect();
    for (place, spans) in spans.chunks(1_000).enumerate() {
        stand.write(vec![of(&format!("app-{}", place % 7), spans.to_vec())]).await;
    }
}

async fn page_of(name: &str, parent: impl Fn(u64) -> u64) {
    let stand = Stand::start().await;
    written(&stand, 1, parent).await;
    let trace = format!("/trace/{}", id(1));
    let last = format!("{trace}?span={SPANS:016x}");
    for path in [&trace, &last, &format!("{trace}?critical=1"), &format!("{trace}?page=20")] {
        let mut least = Duration::MAX;
        let mut size = 0;
        for _ in 0..3 {
            let begun = Instant::now();
            let answer = stand.get(path).await;
            least = least.min(begun.elapsed());
            size = answer.body.len();
            assert_eq!(answer.status, 200);
        }
        println!("{name}, {path}: {least:?}, {size} bytes");
        assert!(least < AIM, "{name}, {path}: {least:?}");
        assert!(size < 2_000_000, "{name}, {path}: {size} bytes");
    }
    let page = stand.page(&last).await;
    assert_eq!(page.all("ol.rows > li").len(), 500);
    assert_eq!(page.all(&format!("li#span-{SPANS:016x}.open")).len(), 1);
}

#[tokio::test]
async fn a_parent_of_many_has_a_page_in_time() {
    page_of("flat", |number| u64::from(number > 1)).await;
}

#[tokio::test]
async fn a_chain_of_many_has_a_page_in_time() {
    page_of("deep", |number| number - 1).await;
}

#[tokio::test]
async fn a_tree_of_many_has_a_page_in_time() {
    page_of("tree", |number| number / 8).await;
}

#[tokio::test]
async fn spans_that_are_all_lost_have_a_page_in_time() {
    page_of("orphans", |number| SPANS + number).await;
}

#[tokio::test]
async fn of_a_trace_that_is_too_large_every_page_says_what_it_is_told_of() {
    let stand = Stand::start().await;
    let full = |number: u64| Span {
        trace_id: 1_u128.to_be_bytes().into(),
        span_id: number.to_be_bytes().into(),
        attributes: vec![Default::default(); 300_000],
        ..Span::default()
    };
    for number in 1..=4 {
        stand.write(vec![of("app-a", vec![full(number)])]).await;
    }
    let page = stand.page(&format!("/trace/{}", id(1))).await;
    let told = text(page.one(".problem"));
    assert!(told.contains("of the 3 spans that were written first"), "{told}");
}

#[tokio::test]
async fn traces_that_a_slow_storage_server_is_asked_for_keep_no_other_page_waiting() {
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let storage = format!("http://{}", silent.local_addr().unwrap());
    let stand = Arc::new(Stand::with(|config| config.storage = storage).await);
    let waiting: Vec<_> = (0..40)
        .map(|number| {
            let (stand, path) = (stand.clone(), format!("/trace/{}", id(number + 1)));
            tokio::spawn(async move { stand.get(&path).await })
        })
        .collect();
    // Each of them waits for the server, or for its turn.
    while stand.console.trace.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    for path in ["/faults", "/load", "/api/token"] {
        let others = tokio::time::timeout(Duration::from_secs(5), stand.get(path));
        assert_eq!(others.await.expect(path).status, 200, "{path}");
    }
    assert!(waiting.iter().all(|it| !it.is_finished()));
}
