//! Traces, services and operations as a whole.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use traces::{Page, Summary, Trace};

use super::server::{TestServer, always, attribute, read_back, span, text};

#[tokio::test]
async fn a_trace_is_read_as_it_was_written_wherever_its_spans_came_from() {
    let server = TestServer::start().await;
    let link = Link { trace_id: vec![9; 16], span_id: vec![8; 8], ..Link::default() };
    let event = Event { name: "exception".to_owned(), time_unix_nano: 5, ..Event::default() };
    let root = Span {
        kind: SpanKind::Server.into(),
        attributes: vec![attribute("http.request.method", text("GET"))],
        events: vec![event],
        links: vec![link],
        ..span(7, 1, 0)
    };
    let child = span(7, 2, 1);
    server.write("app-a", vec![root.clone(), span(8, 1, 0)]).await;
    server.write("app-b", vec![child.clone()]).await;

    let trace = server.storage().trace("7").await.unwrap();
    let expected = [read_back("app-a", vec![root]), read_back("app-b", vec![child])].concat();
    assert_eq!(trace.spans(), expected);
    assert!(!trace.is_cut());
    // A page of a trace links to the same trace by the same id.
    let again = server.storage().trace(&trace.spans()[0].trace_id).await.unwrap();
    assert_eq!(again.spans(), expected);
}

#[tokio::test]
async fn a_trace_that_is_not_there_has_no_span() {
    let server = TestServer::start().await;
    server.write("app-a", vec![span(7, 1, 0)]).await;
    assert!(server.storage().trace("71").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_span_that_was_sent_again_is_there_once() {
    let server = TestServer::start().await;
    for _ in 0..3 {
        server.write("app-a", vec![span(7, 1, 0)]).await;
    }
    let trace: Trace = server.storage().trace("7").await.unwrap();
    assert_eq!(trace.spans(), read_back("app-a", vec![span(7, 1, 0)]));
}

#[tokio::test]
async fn a_span_that_is_larger_than_a_chunk_is_read() {
    let server = TestServer::start().await;
    let long = attribute("text", text(&"x".repeat(9 << 20)));
    let span = Span { attributes: vec![long], ..span(7, 1, 0) };
    server.write("app-a", vec![span.clone()]).await;
    let expected = read_back("app-a", vec![span]);
    // Not by `assert_eq`, whose message would be as long.
    assert!(server.storage().trace("7").await.unwrap().spans() == expected);
    assert!(server.storage().spans(always(), None, 9).await.unwrap() == expected);
}

#[tokio::test]
async fn services_and_operations_are_named_each_once() {
    let server = TestServer::start().await;
    assert_eq!(server.storage().services().await.unwrap(), [""; 0]);
    let named = |name: &str, kind: SpanKind, id| Span {
        name: name.to_owned(),
        kind: kind.into(),
        ..span(7, id, 0)
    };
    let spans = vec![
        named("b", SpanKind::Server, 1),
        named("a", SpanKind::Server, 2),
        named("a", SpanKind::Client, 3),
    ];
    server.write("app-b", spans).await;
    server.write("app-a", vec![named("c", SpanKind::Internal, 4)]).await;
    let storage = server.storage();
    assert_eq!(storage.services().await.unwrap(), ["app-a", "app-b"]);
    assert_eq!(storage.operations("app-b").await.unwrap(), ["a", "b"]);
    assert_eq!(storage.operations("app-a").await.unwrap(), ["c"]);
    assert_eq!(storage.operations("app-z").await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_summary_tells_of_a_trace_what_its_spans_do() {
    let server = TestServer::start().await;
    let failed = opentelemetry_proto::tonic::trace::v1::Status { code: 2, ..Default::default() };
    let root = Span { name: "GET /".to_owned(), ..span(7, 1, 0) };
    let orphan = Span { status: Some(failed), ..span(7, 3, 9) };
    server.write("app-a", vec![root]).await;
    server.write("app-b", vec![span(7, 2, 1), orphan]).await;
    let storage = server.storage();
    let page = Page { size: 10, ..Page::default() };
    let mut summaries = storage.summaries(always(), None, page).await.unwrap().found;
    summaries.iter_mut().for_each(|summary| summary.services.sort_unstable());

    let trace = storage.trace("7").await.unwrap();
    let expected = Summary {
        trace_id: format!("{:032x}", 7),
        root_service: "app-a".to_owned(),
        root_operation: "GET /".to_owned(),
        start: trace.window().0,
        duration: trace.duration(),
        spans: 3,
        errors: 1,
        orphans: 1,
        services: vec![("app-a".to_owned(), 1, 0), ("app-b".to_owned(), 2, 1)],
    };
    assert_eq!(summaries, [expected]);
}
