use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use spoor::config::Engine;
use spoor_proto::api_v2::Span;
use spoor_proto::storage_v1::{WriteSpanRequest, WriteSpanResponse};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status};

use super::{get_trace, span, start, streaming_writer};
use crate::support::{Call, DEADLINE, TestServer, eventually, frame, metric, trace_id};

const PATH: &str = "/jaeger.storage.v1.StreamingSpanWriterPlugin/WriteSpanStream";
const ACCEPTED: &str = r#"spoor_spans_accepted_total{service="app"}"#;
const INFLIGHT: &str = "spoor_export_inflight_bytes";

/// A stream that stays open until it is closed.
struct Stream {
    spans: mpsc::Sender<WriteSpanRequest>,
    answer: JoinHandle<Result<Response<WriteSpanResponse>, Status>>,
}

impl Stream {
    fn open(server: &TestServer) -> Self {
        let (spans, requests) = mpsc::channel(1);
        let mut writer = streaming_writer(server);
        let requests = ReceiverStream::new(requests);
        let answer = tokio::spawn(async move { writer.write_span_stream(requests).await });
        Self { spans, answer }
    }

    async fn send(&self, span: Span) {
        self.spans.send(WriteSpanRequest { span: Some(span) }).await.unwrap();
    }

    /// Ends the stream and gives its status.
    async fn close(self) -> Result<(), Status> {
        drop(self.spans);
        ended(self.answer).await
    }
}

async fn ended(
    answer: JoinHandle<Result<Response<WriteSpanResponse>, Status>>,
) -> Result<(), Status> {
    tokio::time::timeout(DEADLINE, answer).await.unwrap().unwrap().map(drop)
}

fn message(span: Span) -> Vec<u8> {
    WriteSpanRequest { span: Some(span) }.encode_to_vec()
}

/// Waits until a trace has so many spans.
async fn has(server: &TestServer, trace: u128, spans: usize) {
    eventually("the spans are there", || async {
        let found = get_trace(server, &trace_id(trace)).await.unwrap_or_default();
        (found.len() == spans).then_some(())
    })
    .await;
}

#[tokio::test]
async fn spans_are_kept_while_their_stream_is_open_and_before_its_close_is_answered() {
    let server = start().await;
    let stream = Stream::open(&server);
    for id in 1..=3 {
        stream.send(span(1, id)).await;
        has(&server, 1, id as usize).await;
    }
    eventually("their bytes are given back", || async {
        (metric(server.admin, INFLIGHT).await == Some(0.0)).then_some(())
    })
    .await;
    for id in 4..=5000 {
        stream.send(span(1, id)).await;
    }
    stream.close().await.unwrap();
    assert_eq!(get_trace(&server, &trace_id(1)).await.unwrap().len(), 5000);
}

#[tokio::test]
async fn what_a_client_sent_before_it_broke_off_is_kept_and_counted() {
    // On the engine that takes its time for a write.
    let server = TestServer::start(|_| {}).await;
    // More than once, because the spans may be written before the client is seen to be gone.
    for trace in 1..=5 {
        let mut call = Call::open(server.grpc, PATH, &[]).await;
        let message = message(span(trace, 1));
        for id in 1..=10 {
            call.send(frame(0, &self::message(span(trace, id))));
        }
        // Its bytes are admitted once all before it are read.
        call.send(frame(0, &message).slice(..20));
        let all = 11.0 * message.len() as f64;
        let written = || async {
            get_trace(&server, &trace_id(trace)).await.is_ok_and(|spans| spans.len() == 10)
        };
        eventually("the spans are read", || async {
            let held = metric(server.admin, INFLIGHT).await == Some(all);
            (held || written().await).then_some(())
        })
        .await;
        call.reset();
        eventually("the spans are written", || async { written().await.then_some(()) }).await;
        for (name, value) in [(INFLIGHT, 0.0), (ACCEPTED, 10.0 * trace as f64)] {
            eventually(name, || async {
                (metric(server.admin, name).await == Some(value)).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_bad_span_ends_no_stream_and_is_told_when_it_is_closed() {
    let server = start().await;
    let stream = Stream::open(&server);
    let mut bad = span(1, 1);
    bad.span_id = Vec::new().into();
    stream.send(bad.clone()).await;
    stream.send(span(1, 1)).await;
    has(&server, 1, 1).await;
    stream.send(bad).await;
    stream.send(span(1, 2)).await;
    has(&server, 1, 2).await;
    let status = stream.close().await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let reason = "2 spans were refused, the first because its span_id is not 8 bytes, or all zero";
    assert_eq!(status.message(), reason);
}

#[tokio::test]
async fn spans_that_fit_apart_are_taken_where_a_whole_batch_would_not() {
    let server = TestServer::start(|config| {
        (config.disk_max_bytes, config.log_max_bytes) = (512 << 10, 64 << 10);
    })
    .await;
    let mut call = Call::open(server.grpc, PATH, &[]).await;
    let operation_name = "x".repeat(2000);
    let message = |id| message(Span { operation_name: operation_name.clone(), ..span(1, id) });
    // All at one time, so that they are no longer in coming than a batch waits.
    call.send((1..=1000).flat_map(|id| frame(0, &message(id))).collect::<Vec<_>>());
    let answer = call.end().await;
    assert_eq!(answer.code, Code::Ok, "{answer:?}");
    assert_eq!(metric(server.admin, ACCEPTED).await, Some(1000.0));
}

#[tokio::test]
async fn a_message_that_is_none_ends_its_stream_after_those_before_it() {
    let server = TestServer::start(|config| {
        config.engine = Engine::Memory;
        config.max_request_bytes = 1000;
    })
    .await;
    for (trace, bad) in [
        (1, frame(2, b"")),
        (2, frame(1, &message(span(9, 9)))),
        (3, frame(0, b"\xff\xff")),
        (4, frame(0, b"")),
        (5, frame(0, &[0; 1001])),
        (6, frame(0, &message(span(9, 9))).slice(..20)),
    ] {
        let mut call = Call::open(server.grpc, PATH, &[]).await;
        call.send(frame(0, &message(span(trace, 1))));
        call.send(bad);
        let answer = call.end().await;
        assert_eq!(answer.code, Code::InvalidArgument, "{trace}: {answer:?}");
        assert_eq!(get_trace(&server, &trace_id(trace)).await.unwrap().len(), 1);
    }
    assert_eq!(metric(server.admin, INFLIGHT).await, Some(0.0));
}

#[tokio::test]
async fn a_stream_may_pause_between_its_messages_but_not_within_one() {
    let server = TestServer::start(|config| {
        config.engine = Engine::Memory;
        config.client_timeout = std::time::Duration::from_millis(500);
    })
    .await;
    let pausing = Stream::open(&server);
    pausing.send(span(1, 1)).await;
    has(&server, 1, 1).await;
    // Begun later, and given up: by then the other has paused for longer.
    let mut stalled = Call::open(server.grpc, PATH, &[]).await;
    stalled.send(frame(0, &message(span(2, 1)))[..20].to_vec());
    assert_eq!(stalled.answer().await.code, Code::DeadlineExceeded);
    pausing.send(span(1, 2)).await;
    pausing.close().await.unwrap();
    assert_eq!(get_trace(&server, &trace_id(1)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn messages_are_decompressed_one_by_one() {
    let server = start().await;
    let mut call = Call::open(server.grpc, PATH, &[("grpc-encoding", "gzip")]).await;
    for id in 1..=3 {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&message(span(1, id))).unwrap();
        call.send(frame(1, &encoder.finish().unwrap()));
    }
    call.send(frame(0, &message(span(1, 4))));
    assert_eq!(call.end().await.code, Code::Ok);
    assert_eq!(get_trace(&server, &trace_id(1)).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_server_that_stops_ends_the_streams_that_clients_keep_open() {
    let server = start().await;
    let stream = Stream::open(&server);
    stream.send(span(1, 1)).await;
    has(&server, 1, 1).await;
    drop(server);
    let status = ended(stream.answer).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the server is stopping"));
}
