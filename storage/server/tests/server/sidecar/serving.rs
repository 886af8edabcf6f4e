use futures::future::join_all;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use spoor_proto::storage_v1::plugin_capabilities_client::PluginCapabilitiesClient;
use spoor_proto::storage_v1::span_reader_plugin_client::SpanReaderPluginClient;
use spoor_proto::storage_v1::{
    CapabilitiesRequest, CapabilitiesResponse, GetOperationsRequest, Operation,
};
use tonic::Code;

use super::host::{Sidecar, command};
use crate::v1::span;

#[tokio::test]
async fn without_a_file_it_keeps_spans_in_the_working_directory_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::start(folder.path()).await;
    sidecar.write(span(1, 1)).await.unwrap();
    assert_eq!(sidecar.spans(1).await, 1);

    sidecar.shut_down().await;
    assert_eq!(sidecar.ended().await.code(), Some(0));
    let log = sidecar.log().await;
    let line = log.iter().find(|line| line["@message"] == "serving").unwrap();
    assert_eq!(line["store"], folder.path().join("spoor-data").to_str().unwrap());
    assert_eq!(line["@level"], "info");
    let entries = folder.path().read_dir().unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["spoor-data"]);
}

#[tokio::test]
async fn its_file_is_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spoor.toml");
    let text = "data_dir = \"kept\"\narchive = true\nstreaming_writer = false\nlog = \"warn\"\n";
    std::fs::write(&file, text).unwrap();
    let mut sidecar = Sidecar::start_as(command(folder.path(), file)).await;

    let mut client = PluginCapabilitiesClient::new(sidecar.channel());
    let told = client.capabilities(CapabilitiesRequest {}).await.unwrap().into_inner();
    let expected = CapabilitiesResponse {
        archive_span_reader: true,
        archive_span_writer: true,
        streaming_span_writer: false,
    };
    assert_eq!(told, expected);
    assert!(folder.path().join("kept/archive").is_dir());
    sidecar.shut_down().await;
    assert_eq!(sidecar.log().await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn small_spans_that_come_faster_than_they_are_kept_break_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spoor.toml");
    let small = "head_max_bytes = \"64KiB\"\nlog_max_bytes = \"64KiB\"\nwrite_wait = \"1h\"\n";
    std::fs::write(&file, small).unwrap();
    let sidecar = Sidecar::start_as(command(folder.path(), file)).await;
    // Of the streams that Jaeger's writer keeps open, enough to have many spans wait.
    join_all((1..=400).map(|trace| sidecar.stream(trace, 300))).await;
    for trace in (1..=400).step_by(99) {
        assert_eq!(sidecar.spans(trace).await, 300);
    }
}

#[tokio::test]
async fn a_kind_that_is_not_told_is_unspecified() {
    let folder = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(folder.path()).await;
    sidecar.write(span(1, 1)).await.unwrap();
    let asked = GetOperationsRequest { service: "app".to_owned(), ..Default::default() };
    let mut reader = SpanReaderPluginClient::new(sidecar.channel());
    let told = reader.get_operations(asked).await.unwrap().into_inner().operations;
    let (name, span_kind) = ("operation".to_owned(), "unspecified".to_owned());
    assert_eq!(told, [Operation { name, span_kind }]);
}

#[tokio::test]
async fn it_serves_what_jaeger_asks_for_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sidecar = Sidecar::start(folder.path()).await;
    let mut writer = TraceServiceClient::new(sidecar.channel());
    let refused = writer.export(ExportTraceServiceRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
