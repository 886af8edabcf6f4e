use spoor_proto::storage_v1::archive_span_reader_plugin_client::ArchiveSpanReaderPluginClient;
use spoor_proto::storage_v1::archive_span_writer_plugin_client::ArchiveSpanWriterPluginClient;
use spoor_proto::storage_v1::plugin_capabilities_client::PluginCapabilitiesClient;
use spoor_proto::storage_v1::{
    CapabilitiesRequest, CapabilitiesResponse, GetTraceRequest, WriteSpanRequest,
};
use tonic::Code;

use super::{get_trace, messages, span};
use crate::support::{TestServer, trace_id};

#[tokio::test]
async fn an_archive_is_a_store_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_owned();
    let server = TestServer::start(|config| {
        config.archive = true;
        config.data_dir = Some(directory);
    })
    .await;
    let mut writer = ArchiveSpanWriterPluginClient::new(server.channel());
    writer.write_archive_span(WriteSpanRequest { span: Some(span(1, 1)) }).await.unwrap();

    let asked =
        |trace| GetTraceRequest { trace_id: trace_id(trace).into(), ..GetTraceRequest::default() };
    let mut reader = ArchiveSpanReaderPluginClient::new(server.channel());
    let found = messages(reader.get_archive_trace(asked(1)).await.unwrap().into_inner()).await;
    assert_eq!(found[0].spans[0].operation_name, "operation");
    let unknown = reader.get_archive_trace(asked(3)).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.message()), (Code::NotFound, "trace not found"));
    let elsewhere = get_trace(&server, &trace_id(1)).await.unwrap_err();
    assert_eq!(elsewhere.code(), Code::NotFound);
    assert!(folder.path().join("archive/tenant-").is_dir());
}

#[tokio::test]
async fn the_capabilities_are_those_of_the_configuration() {
    for (archive, streaming_writer) in [(false, true), (true, false)] {
        let server = TestServer::start(|config| {
            config.archive = archive;
            config.streaming_writer = streaming_writer;
        })
        .await;
        let mut client = PluginCapabilitiesClient::new(server.channel());
        let told = client.capabilities(CapabilitiesRequest {}).await.unwrap().into_inner();
        let expected = CapabilitiesResponse {
            archive_span_reader: archive,
            archive_span_writer: archive,
            streaming_span_writer: streaming_writer,
        };
        assert_eq!(told, expected);
    }
}
