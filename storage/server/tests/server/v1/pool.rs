//! Jaeger's streaming writer opens a stream whenever all that it has are being written to, and keeps
//! at most 1000 of them open.

use bytes::Bytes;
use futures::future::join_all;
use h2::client::SendRequest;
use spoor_proto::storage_v1::GetServicesRequest;
use spoor_proto::storage_v1::span_reader_plugin_client::SpanReaderPluginClient;
use spoor_proto::storage_v1::streaming_span_writer_plugin_client::StreamingSpanWriterPluginClient;
use spoor_proto::storage_v1::{GetTraceRequest, WriteSpanRequest};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use super::{get_trace, messages, reader, span, start};
use crate::support::{Call, DEADLINE, eventually, open_calls, trace_id};

const PATH: &str = "/jaeger.storage.v1.StreamingSpanWriterPlugin/WriteSpanStream";

#[tokio::test]
async fn reads_are_answered_beside_as_many_streams_as_jaeger_keeps_open() {
    let server = start().await;
    let channel = server.channel();
    let open = |id| {
        let (spans, requests) = mpsc::channel(1);
        spans.try_send(WriteSpanRequest { span: Some(span(1, id)) }).unwrap();
        let mut writer = StreamingSpanWriterPluginClient::new(channel.clone());
        let requests = ReceiverStream::new(requests);
        (spans, tokio::spawn(async move { writer.write_span_stream(requests).await }))
    };
    let (spans, answers): (Vec<_>, Vec<_>) = (1..=1000).map(open).unzip();
    eventually("the spans of all streams are there", || async {
        let asked = GetTraceRequest { trace_id: trace_id(1).into(), ..GetTraceRequest::default() };
        let mut reader = SpanReaderPluginClient::new(channel.clone());
        let stream = timeout(DEADLINE, reader.get_trace(asked)).await.unwrap().ok()?;
        let messages = messages(stream.into_inner()).await;
        (messages.iter().map(|message| message.spans.len()).sum::<usize>() == 1000).then_some(())
    })
    .await;
    drop(spans);
    for answer in join_all(answers).await {
        answer.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_connection_is_told_how_many_streams_it_may_have() {
    let server = start().await;
    let stream = TcpStream::connect(server.grpc).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let client: SendRequest<Bytes> = client;
    tokio::spawn(connection);
    eventually("the server's settings are there", || async {
        (client.current_max_send_streams() == 1024).then_some(())
    })
    .await;
}

#[tokio::test]
async fn streams_beyond_those_that_may_be_open_are_refused_until_others_end_and_reads_go_on() {
    let server = start().await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.push(open_calls(server.grpc, PATH, 1024, &[]).await);
    }
    let refused = Call::open(server.grpc, PATH, &[]).await.answer().await;
    assert_eq!(refused.code, Code::ResourceExhausted, "{refused:?}");
    assert!(refused.message.contains("4096"), "{refused:?}");
    assert!(refused.headers.contains_key("grpc-status-details-bin"), "{refused:?}");
    reader(&server).get_services(GetServicesRequest {}).await.unwrap();
    drop(calls);
    eventually("there is room again", || async {
        let answer = Call::open(server.grpc, PATH, &[]).await.end().await;
        (answer.code == Code::Ok).then_some(())
    })
    .await;
    assert_eq!(get_trace(&server, &trace_id(1)).await.unwrap_err().code(), Code::NotFound);
}
