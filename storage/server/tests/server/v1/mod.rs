//! Storage API v1, asked by a client of it.

mod archive;
mod golden;
mod many;
mod pool;
mod random;
mod reads;
mod same_trace;
mod streams;
mod writes;

use spoor::config::Engine;
use spoor_proto::api_v2::{KeyValue, Process, Span};
use spoor_proto::storage_v1::span_reader_plugin_client::SpanReaderPluginClient;
use spoor_proto::storage_v1::span_writer_plugin_client::SpanWriterPluginClient;
use spoor_proto::storage_v1::streaming_span_writer_plugin_client::StreamingSpanWriterPluginClient;
use spoor_proto::storage_v1::{GetTraceRequest, SpansResponseChunk, WriteSpanRequest};
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::support::{TestServer, trace_id};

async fn start() -> TestServer {
    TestServer::start(|config| config.engine = Engine::Memory).await
}

fn reader(server: &TestServer) -> SpanReaderPluginClient<Channel> {
    SpanReaderPluginClient::new(server.channel())
}

fn streaming_writer(server: &TestServer) -> StreamingSpanWriterPluginClient<Channel> {
    StreamingSpanWriterPluginClient::new(server.channel())
}

async fn write(server: &TestServer, span: Span) -> Result<(), Status> {
    let mut writer = SpanWriterPluginClient::new(server.channel());
    writer.write_span(WriteSpanRequest { span: Some(span) }).await.map(drop)
}

/// A good span of the service `app`.
pub fn span(trace: u128, id: u64) -> Span {
    let process = Process { service_name: "app".to_owned(), ..Process::default() };
    Span {
        trace_id: trace_id(trace).into(),
        span_id: id.to_be_bytes().to_vec().into(),
        operation_name: "operation".to_owned(),
        start_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 }),
        duration: Some(prost_types::Duration { seconds: 0, nanos: 1000 }),
        process: Some(process),
        ..Span::default()
    }
}

fn tag(key: &str, text: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), v_str: text.to_owned(), ..KeyValue::default() }
}

/// The messages of a whole stream.
async fn messages(mut stream: Streaming<SpansResponseChunk>) -> Vec<SpansResponseChunk> {
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        messages.push(message);
    }
    messages
}

/// The spans of a trace in the order of the answer.
async fn get_trace(server: &TestServer, id: &[u8]) -> Result<Vec<Span>, Status> {
    let asked = GetTraceRequest { trace_id: id.to_vec().into(), ..GetTraceRequest::default() };
    let mut reader = reader(server).max_decoding_message_size(usize::MAX);
    let stream = reader.get_trace(asked).await?.into_inner();
    Ok(messages(stream).await.into_iter().flat_map(|message| message.spans).collect())
}
