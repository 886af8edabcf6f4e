use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use spoor_proto::RawTraces;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use super::support::{
    Call, TestServer, export, frame, metric, read, resource_spans, span, span_count,
};

#[tokio::test]
async fn good_spans_beside_bad_ones_are_kept_and_the_rest_is_explained() {
    let server = TestServer::start(|_| {}).await;
    let mut no_id = span(1, 2);
    no_id.span_id.clear();
    let request = export("app", vec![span(1, 1), no_id.clone(), no_id]);
    let response = server.writer().export(request).await.unwrap().into_inner();
    let partial = response.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert!(partial.error_message.contains("span_id"), "{}", partial.error_message);
    let chunks = read(&mut server.reader(), 1).await;
    assert_eq!(chunks.iter().map(span_count).sum::<usize>(), 1);
}

#[tokio::test]
async fn compressed_requests_are_taken_as_plain_ones_are() {
    let server = TestServer::start(|_| {}).await;
    for (trace, encoding) in [(1, CompressionEncoding::Gzip), (2, CompressionEncoding::Zstd)] {
        let spans = (1..=1000).map(|id| span(trace, id)).collect();
        let mut writer = server.writer().send_compressed(encoding);
        writer.export(export("app", spans)).await.unwrap();
        let mut reader = server.reader().send_compressed(encoding).accept_compressed(encoding);
        let chunks = read(&mut reader, trace).await;
        assert_eq!(chunks.iter().map(span_count).sum::<usize>(), 1000);
    }
}

#[tokio::test]
async fn an_answer_is_compressed_as_its_request_was_where_the_client_takes_that() {
    let server = TestServer::start(|_| {}).await;
    let path = "/jaeger.storage.v2.TraceReader/GetServices";
    for (sent, accepted, expected) in [
        ("identity", "gzip,zstd", None),
        ("gzip", "identity, gzip", Some("gzip")),
        ("zstd", "gzip,zstd", Some("zstd")),
        ("zstd", "gzip", None),
    ] {
        let headers = [("grpc-encoding", sent), ("grpc-accept-encoding", accepted)];
        let mut call = Call::open(server.grpc, path, &headers).await;
        call.send(frame(0, b""));
        let answer = call.end().await;
        assert_eq!(answer.code, Code::Ok);
        let encoding = answer.headers.get("grpc-encoding").map(|value| value.to_str().unwrap());
        assert_eq!(encoding, expected);
    }
}

#[tokio::test]
async fn spans_are_counted_by_service_and_late_ones_twice() {
    let server = TestServer::start(|_| {}).await;
    let mut bad = span(1, 2);
    bad.trace_id.pop();
    let mut late = span(1, 3);
    late.end_time_unix_nano -= 61_000_000_000;
    let mut not_yet_late = span(1, 4);
    not_yet_late.end_time_unix_nano -= 30_000_000_000;
    let one = resource_spans("one", vec![span(1, 1), bad, late, not_yet_late]);
    let request = ExportTraceServiceRequest {
        resource_spans: vec![one, resource_spans("two", vec![span(2, 1)])],
    };
    server.writer().export(RawTraces(request.encode_to_vec().into())).await.unwrap();
    server.writer().export(RawTraces(vec![0xff].into())).await.unwrap_err();

    let export = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
    for (series, value) in [
        (r#"spoor_spans_accepted_total{service="one"}"#.to_owned(), 3.0),
        (r#"spoor_spans_accepted_total{service="two"}"#.to_owned(), 1.0),
        (r#"spoor_spans_rejected_total{service="one"}"#.to_owned(), 1.0),
        (r#"spoor_spans_rejected_total{service="two"}"#.to_owned(), 0.0),
        (r#"spoor_spans_late_total{service="one"}"#.to_owned(), 1.0),
        (format!(r#"spoor_requests_total{{rpc="{export}",code="Ok"}}"#), 1.0),
        (format!(r#"spoor_requests_total{{rpc="{export}",code="InvalidArgument"}}"#), 1.0),
        (format!(r#"spoor_request_duration_seconds_count{{rpc="{export}"}}"#), 2.0),
        ("spoor_store_traces".to_owned(), 2.0),
        ("spoor_store_spans".to_owned(), 4.0),
        ("spoor_store_evicted_traces_total".to_owned(), 0.0),
    ] {
        assert_eq!(metric(server.admin, &series).await, Some(value), "{series}");
    }
    assert!(metric(server.admin, "spoor_store_size_bytes").await.unwrap() > 0.0);
}

#[tokio::test]
async fn services_beyond_a_number_share_their_series() {
    let server = TestServer::start(|_| {}).await;
    let names = (0..250).map(|index| format!("service-{index}")).chain(["x".repeat(1000)]);
    let resource_spans =
        (1..).zip(names).map(|(id, name)| resource_spans(&name, vec![span(1, id)])).collect();
    let request = ExportTraceServiceRequest { resource_spans };
    server.write(RawTraces(request.encode_to_vec().into())).await;
    let other = r#"spoor_spans_accepted_total{service="other"}"#;
    assert_eq!(metric(server.admin, other).await, Some(51.0));
}
