//! What both models can express is the same trace, whichever API it was written or is read by.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::api_v2::Span;
use spoor_proto::storage_v1::WriteSpanRequest;

use super::random::Generator;
use super::{get_trace, start, streaming_writer};
use crate::support::{TestServer, read};

const SPANS: usize = 1000;

/// Writes spans by one stream.
async fn stream(server: &TestServer, spans: &[Span]) {
    let requests: Vec<_> =
        spans.iter().map(|span| WriteSpanRequest { span: Some(span.clone()) }).collect();
    let requests = tokio_stream::iter(requests);
    streaming_writer(server).write_span_stream(requests).await.unwrap();
}

#[tokio::test]
async fn a_span_of_v1_is_the_same_after_it_was_otlp() {
    let (server, mut random) = (start().await, Generator::new(1));
    let spans: Vec<_> = (0..SPANS).map(|_| random.v1_span()).collect();
    stream(&server, &spans).await;
    for span in spans {
        assert_eq!(get_trace(&server, &span.trace_id).await.unwrap(), [span]);
    }
}

#[tokio::test]
async fn a_span_of_otlp_is_the_same_after_it_was_of_v1() {
    let (server, other, mut random) = (start().await, start().await, Generator::new(2));
    let resource_spans: Vec<_> = (0..SPANS).map(|_| random.otlp_span()).collect();
    let data = TracesData { resource_spans };
    server.write(RawTraces(data.encode_to_vec().into())).await;
    let mut spans = Vec::new();
    for written in &data.resource_spans {
        let trace_id = &written.scope_spans[0].spans[0].trace_id;
        spans.extend(get_trace(&server, trace_id).await.unwrap());
    }
    stream(&other, &spans).await;
    for written in data.resource_spans {
        let trace_id = written.scope_spans[0].spans[0].trace_id[..].try_into().unwrap();
        let mut chunks = read(&mut other.reader(), u128::from_be_bytes(trace_id)).await;
        let found = TracesData::decode(chunks.remove(0).0).unwrap();
        assert_eq!(found.resource_spans, [written]);
    }
}
