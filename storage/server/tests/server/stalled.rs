//! A client that stops reading, or reads too slowly.

use std::time::Duration;

use prost::Message;
use spoor_proto::api_v2::Span;
use spoor_proto::storage::GetServicesRequest;
use spoor_proto::storage_v1::archive_span_reader_plugin_client::ArchiveSpanReaderPluginClient;
use spoor_proto::storage_v1::archive_span_writer_plugin_client::ArchiveSpanWriterPluginClient;
use spoor_proto::storage_v1::{GetTraceRequest, WriteSpanRequest};
use tokio::net::TcpStream;
use tonic::Code;

use super::support::{
    Call, TestServer, by_id, eventually, export, frame, metric, read, span, trace_id,
};
use super::v1::span as v1_span;

#[tokio::test]
async fn an_answer_left_unread_is_given_up_and_others_go_on() {
    let server = TestServer::start(|config| {
        config.max_concurrent_reads = 1;
        config.client_timeout = Duration::from_secs(1);
    })
    .await;
    write_large(&server).await;

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
async fn an_answer_for_which_a_client_never_has_room_is_given_up() {
    let server = TestServer::start(|config| {
        config.max_concurrent_reads = 1;
        config.client_timeout = Duration::from_secs(1);
    })
    .await;
    server.write(export("app", vec![span(1, 1)])).await;
    let path = "/jaeger.storage.v2.TraceReader/GetTraces";
    let stream = TcpStream::connect(server.grpc).await.unwrap();
    let mut call = Call::with_window(0, stream, path, &[]).await.unwrap();
    call.send(frame(0, &by_id(1).encode_to_vec()));
    let answer = tokio::spawn(call.end());
    let series = r#"spoor_requests_total{rpc="jaeger.storage.v2.TraceReader/GetTraces",code="DeadlineExceeded"}"#;
    eventually("it is given up", || async {
        metric(server.admin, series).await.filter(|count| *count == 1.0)
    })
    .await;
    assert!(!read(&mut server.reader(), 1).await.is_empty());
    assert!(!answer.is_finished(), "it was the client who gave up");
    answer.abort();
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
    write_large(&server).await;
    let path = "/jaeger.storage.v2.TraceReader/GetTraces";
    let reader = server.reader();
    let attempt = || async {
        let mut call = Call::open(server.grpc, path, &[]).await;
        call.send(frame(0, &by_id(1).encode_to_vec()));
        // Read slowly, but not so slowly that it gives way, unless this machine is busy.
        let reading = tokio::spawn(call.end_slowly(Duration::from_millis(10)));
        let mut refused = None;
        while refused.is_none() && !reading.is_finished() {
            refused = reader.clone().get_services(GetServicesRequest {}).await.err();
        }
        let (_, answer) = reading.await.unwrap();
        refused.filter(|_| answer.code == Code::Ok)
    };
    let status = eventually("a read is refused beside one that goes on", attempt).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    let others = || async { reader.clone().get_services(GetServicesRequest {}).await.ok() };
    eventually("the slot is free again", others).await;
}

#[tokio::test]
async fn unread_answers_give_way_to_those_who_wait_for_a_slot() {
    let server = TestServer::start(|config| {
        config.max_concurrent_reads = 1;
        config.client_timeout = Duration::from_secs(60 * 60);
    })
    .await;
    write_large(&server).await;
    let mut stalled = server.reader().get_traces(by_id(1)).await.unwrap().into_inner();
    let reader = server.reader();
    for _ in 0..2 {
        // A busy machine may need more than the second that one waits.
        let others = || async { reader.clone().get_services(GetServicesRequest {}).await.ok() };
        eventually("the slot is free", others).await;
    }
    let status = loop {
        match stalled.message().await {
            Ok(chunk) => assert!(chunk.is_some(), "the whole answer came"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test]
async fn unread_answers_give_way_to_those_who_wait_for_memory() {
    let read_max_bytes = 16 << 20;
    let server = TestServer::start(|config| config.read_max_bytes = read_max_bytes).await;
    write_large(&server).await;
    // Four times as many as there is memory for, each of a connection of its own.
    let mut stalled = Vec::new();
    for _ in 0..12 {
        stalled.push(server.reader().get_traces(by_id(1)).await.unwrap());
    }
    let held = || async {
        let held = metric(server.admin, "spoor_store_read_memory_bytes").await;
        held.filter(|held| *held >= f64::from(read_max_bytes as u32) / 2.0)
    };
    eventually("the memory is held", held).await;
    let mut reader = server.reader();
    for _ in 0..3 {
        reader.get_services(GetServicesRequest {}).await.unwrap();
        let held = metric(server.admin, "spoor_store_read_memory_bytes").await.unwrap();
        assert!(held <= f64::from(read_max_bytes as u32), "{held}");
    }
}

#[tokio::test]
async fn unread_answers_of_an_archive_give_way_to_those_who_wait_for_its_memory() {
    let server = TestServer::start(|config| {
        config.archive = true;
        config.read_max_bytes = 16 << 20;
        config.client_timeout = Duration::from_secs(60 * 60);
    })
    .await;
    let mut archive = ArchiveSpanWriterPluginClient::new(server.channel());
    for id in 1..=8 {
        let span = Span { operation_name: "x".repeat(1 << 20), ..v1_span(1, id) };
        archive.write_archive_span(WriteSpanRequest { span: Some(span) }).await.unwrap();
    }
    let read = || async {
        let mut archive = ArchiveSpanReaderPluginClient::new(server.channel());
        let asked = GetTraceRequest { trace_id: trace_id(1).into(), ..Default::default() };
        archive.get_archive_trace(asked).await.unwrap().into_inner()
    };
    let mut stalled = Vec::new();
    for _ in 0..12 {
        stalled.push(read().await);
    }
    let held = || async {
        let held = metric(server.admin, "spoor_archive_store_read_memory_bytes").await;
        held.filter(|held| *held >= 8e6)
    };
    eventually("the memory is held", held).await;
    for _ in 0..3 {
        assert!(read().await.message().await.unwrap().is_some());
    }
}

/// Writes a trace of 8 MiB.
async fn write_large(server: &TestServer) {
    for id in 1..=8 {
        let mut span = span(1, id);
        span.name = "x".repeat(1 << 20);
        server.write(export("app", vec![span])).await;
    }
}
