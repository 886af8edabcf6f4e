//! A client that stops reading, or reads too slowly.

use std::time::Duration;

use prost::Message;
use spoor_proto::storage::GetServicesRequest;
use tonic::Code;

use super::support::{Call, TestServer, by_id, eventually, export, frame, metric, read, span};

#[tokio::test]
async fn an_answer_left_unread_is_given_up_and_others_go_on() {
    let server = TestServer::start(|config| {
        config.max_concurrent_reads = 1;
        config.client_timeout = Duration::from_millis(300);
    })
    .await;
    let large = |id| {
        let mut span = span(1, id);
        span.name = "x".repeat(1 << 20);
        span
    };
    for id in 1..=8 {
        server.write(export("app", vec![large(id)])).await;
    }

    // Of one connection, as Jaeger has it.
    let mut reader = server.reader();
    let mut stalled = reader.get_traces(by_id(1)).await.unwrap().into_inner();
    let others = || {
        let mut reader = reader.clone();
        async move { reader.get_services(GetServicesRequest {}).await.ok() }
    };
    eventually("the slot is free again", others).await;

    let mut chunks = 0;
    let status = loop {
        match stalled.message().await {
            Ok(chunk) => chunks += usize::from(chunk.is_some()),
            Err(status) => break status,
        }
        assert!(chunks < 8, "the whole answer came");
    };
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    let series = r#"spoor_requests_total{rpc="jaeger.storage.v2.TraceReader/GetTraces",code="DeadlineExceeded"}"#;
    assert_eq!(metric(server.admin, series).await, Some(1.0));
    assert!(!read(&mut reader, 1).await.is_empty());
}

#[tokio::test]
async fn an_answer_that_is_read_in_drops_is_given_up() {
    let timeout = Duration::from_millis(500);
    let server = TestServer::start(|config| config.client_timeout = timeout).await;
    let mut large = span(1, 1);
    large.name = "x".repeat(8 << 20);
    server.write(export("app", vec![large])).await;

    let path = "/jaeger.storage.v2.TraceReader/GetTraces";
    let mut call = Call::open(server.grpc, path, &[]).await;
    call.send(frame(0, &by_id(1).encode_to_vec()));
    // Less than 64 KiB each time, and never idle for the timeout.
    let (bytes, answer) = call.end_slowly(timeout / 5).await;
    assert_eq!(answer.code, Code::DeadlineExceeded, "after {bytes} bytes");
    assert!(bytes < 8 << 20);
}

#[tokio::test]
async fn reads_beyond_the_limit_are_told_to_come_back() {
    let server = TestServer::start(|config| config.max_concurrent_reads = 1).await;
    let mut large = span(1, 1);
    large.name = "x".repeat(8 << 20);
    server.write(export("app", vec![large])).await;
    let mut reader = server.reader();
    let unread = reader.get_traces(by_id(1)).await.unwrap();
    let status = reader.get_services(GetServicesRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);

    // A reset gives the slot back at once.
    drop(unread);
    let others = || {
        let mut reader = reader.clone();
        async move { reader.get_services(GetServicesRequest {}).await.ok() }
    };
    eventually("the slot is free again", others).await;
}
