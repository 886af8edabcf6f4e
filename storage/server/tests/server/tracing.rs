//! The server's own spans, by OTLP.

mod backend;
pub mod calls;

use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::capabilities_client::CapabilitiesClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{
    FindTraceIDsRequest, GetCapabilitiesRequest, GetOperationsRequest, Pagination,
    TraceQueryParameters,
};
use spoor_proto::storage_v1::archive_span_writer_plugin_client::ArchiveSpanWriterPluginClient;
use spoor_proto::storage_v1::plugin_capabilities_client::PluginCapabilitiesClient;
use spoor_proto::storage_v1::span_writer_plugin_client::SpanWriterPluginClient;
use spoor_proto::storage_v1::streaming_span_writer_plugin_client::StreamingSpanWriterPluginClient;
use spoor_proto::storage_v1::{CapabilitiesRequest, CloseWriterRequest, WriteSpanRequest};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::support::{Program, channel, eventually, export, metric, span};
use backend::Backend;
use calls::{CALLS, NOT_SAMPLED, call, query, with};

const BLOCKS: [&str; 2] =
    ["spoor_store_search_blocks_read_total", "spoor_store_search_blocks_skipped_total"];

/// A program that has spans of the service `secret` in a segment, and exports its own as told.
async fn start(backend: &Backend, settings: &[&str]) -> Program {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", backend.url()),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        // Would take what its caller did not.
        ("OTEL_TRACES_SAMPLER", "always_on"),
    ];
    let settings = [&["head_max_age=50ms", "archive=true"], settings].concat();
    let program = Program::start_in(&variables, &settings).await;
    let written = vec![span(1, 1), span(2, 1)];
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    writer.export(export("secret", written)).await.unwrap();
    eventually("the spans are in a segment", async || {
        let heads = metric(program.admin, "spoor_store_head_memory_bytes").await?;
        let segments = metric(program.admin, "spoor_store_segments").await?;
        (segments == 1.0 && heads == 0.0).then_some(())
    })
    .await;
    program
}

/// What a call answers with: the archive has nothing yet.
fn code(method: &str) -> &'static str {
    if method.ends_with("/GetArchiveTrace") { "NOT_FOUND" } else { "OK" }
}

async fn blocks(program: &Program) -> [f64; 2] {
    let [read, skipped] = BLOCKS.map(|name| metric(program.admin, name));
    [read.await.unwrap(), skipped.await.unwrap()]
}

#[tokio::test]
async fn a_read_that_comes_with_a_sampled_trace_is_a_span_of_it_with_its_stages_below() {
    let backend = Backend::start().await;
    let program = start(&backend, &["tracing=true"]).await;
    for (trace, (method, stages)) in (1..).zip(CALLS) {
        call(program.grpc, method, Some(trace)).await.unwrap();
        let mut expected = vec![
            format!("spoor SERVER {method}"),
            format!("  rpc.method={method}"),
            format!("  rpc.response.status_code={}", code(method)),
            "  rpc.system.name=grpc".to_owned(),
            "  server.address=127.0.0.1".to_owned(),
            format!("  server.port={}", program.grpc.port()),
        ];
        expected.extend(stages.iter().map(|line| format!("  {line}")));
        assert_eq!(backend.trace(trace).await, expected, "of {method}");
    }
    program.stop().await;
    assert_eq!(backend.traces(), CALLS.len(), "no other call was a span");
}

#[tokio::test]
async fn the_blocks_that_a_search_tells_are_those_that_the_metrics_count() {
    let backend = Backend::start().await;
    let program = start(&backend, &["tracing=true"]).await;
    let mut reader = TraceReaderClient::new(channel(program.grpc));
    let page = |page_token| {
        let pagination = Some(Pagination { page_size: 1, page_token });
        FindTraceIDsRequest { query: Some(TraceQueryParameters { pagination, ..query() }) }
    };
    let first = reader.find_trace_i_ds(page(String::new())).await.unwrap().into_inner();
    let absent = TraceQueryParameters { service_name: "absent".to_owned(), ..query() };
    for (trace, request, expected) in [
        (1, FindTraceIDsRequest { query: Some(query()) }, [1.0, 0.0]),
        (2, FindTraceIDsRequest { query: Some(absent) }, [0.0, 1.0]),
        (3, page(first.next_page_token), [1.0, 0.0]),
    ] {
        let before = blocks(&program).await;
        reader.find_trace_i_ds(with(request, Some(trace))).await.unwrap();
        let after = blocks(&program).await;
        assert_eq!([after[0] - before[0], after[1] - before[1]], expected, "of {trace}");
        let told = backend.trace(trace).await;
        assert_eq!(["read", "skipped"].map(|what| sum(&told, what)), expected, "{told:#?}");
        let is_later_page = told.contains(&"  search earlier pages".to_owned());
        assert_eq!(is_later_page, trace == 3, "{told:#?}");
    }
    program.stop().await;
}

/// Of all searches of a trace.
fn sum(lines: &[String], what: &str) -> f64 {
    let key = format!("spoor.blocks.{what}=");
    let values = lines.iter().filter_map(|line| line.trim().strip_prefix(&key));
    values.map(|value| value.parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn a_read_that_fails_tells_the_code_and_nothing_of_what_was_asked() {
    let backend = Backend::start().await;
    let program = start(&backend, &["tracing=true"]).await;
    let mut reader = TraceReaderClient::new(channel(program.grpc));
    let (service, span_kind) = ("secret".to_owned(), "secret".to_owned());
    let request = with(GetOperationsRequest { service, span_kind }, Some(1));
    let status = reader.get_operations(request).await.unwrap_err();
    assert!(status.message().contains("secret"), "{status}");
    assert_eq!(status.code(), Code::InvalidArgument);
    let told = backend.trace(1).await;
    assert!(told.contains(&"  rpc.response.status_code=INVALID_ARGUMENT".to_owned()), "{told:?}");
    assert!(!told.iter().any(|line| line.contains("secret")), "{told:?}");
    program.stop().await;
}

#[tokio::test]
async fn a_read_without_a_sampled_trace_is_no_span() {
    let backend = Backend::start().await;
    let program = start(&backend, &["tracing=true"]).await;
    for (method, _) in CALLS {
        call(program.grpc, method, None).await.unwrap();
        call(program.grpc, method, Some(NOT_SAMPLED)).await.unwrap();
    }
    // What it has is exported before its end.
    program.stop().await;
    assert_eq!(backend.traces(), 0);
}

#[tokio::test]
async fn a_write_is_no_span_and_neither_is_what_tells_of_the_server() {
    let backend = Backend::start().await;
    let program = start(&backend, &["tracing=true"]).await;
    let channel = channel(program.grpc);
    let written = with(export("secret", vec![span(3, 1)]), Some(1));
    TraceServiceClient::new(channel.clone()).export(written).await.unwrap();
    let written = || WriteSpanRequest { span: Some(super::v1::span(4, 1)) };
    let mut writer = SpanWriterPluginClient::new(channel.clone());
    writer.write_span(with(written(), Some(2))).await.unwrap();
    writer.close(with(CloseWriterRequest {}, Some(6))).await.unwrap();
    let mut writer = ArchiveSpanWriterPluginClient::new(channel.clone());
    writer.write_archive_span(with(written(), Some(7))).await.unwrap();
    let mut writer = StreamingSpanWriterPluginClient::new(channel.clone());
    let stream = tokio_stream::iter([written(), written()]);
    writer.write_span_stream(with(stream, Some(3))).await.unwrap();

    let mut health = HealthClient::new(channel.clone());
    health.check(with(HealthCheckRequest::default(), Some(4))).await.unwrap();
    let mut capabilities = CapabilitiesClient::new(channel.clone());
    capabilities.get_capabilities(with(GetCapabilitiesRequest {}, Some(5))).await.unwrap();
    let mut capabilities = PluginCapabilitiesClient::new(channel);
    capabilities.capabilities(with(CapabilitiesRequest {}, Some(8))).await.unwrap();
    program.stop().await;
    assert_eq!(backend.traces(), 0);
}

#[tokio::test]
async fn a_read_by_somebody_who_may_not_is_no_span() {
    let backend = Backend::start().await;
    let nobodys = format!("read_tokens={:064}", 0);
    let program = start(&backend, &["tracing=true", &nobodys]).await;
    let status = call(program.grpc, CALLS[0].0, Some(1)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    program.stop().await;
    assert_eq!(backend.traces(), 0);
}

#[tokio::test]
async fn nothing_is_a_span_unless_it_is_asked_for() {
    let backend = Backend::start().await;
    let program = start(&backend, &[]).await;
    for (trace, (method, _)) in (1..).zip(CALLS) {
        call(program.grpc, method, Some(trace)).await.unwrap();
    }
    program.stop().await;
    assert_eq!(backend.traces(), 0);
}
