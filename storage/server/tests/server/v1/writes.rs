use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use spoor::config::Engine;
use spoor_proto::api_v2::{KeyValue, Log, Process, Span, SpanRef};
use spoor_proto::storage_v1::archive_span_reader_plugin_client::ArchiveSpanReaderPluginClient;
use spoor_proto::storage_v1::archive_span_writer_plugin_client::ArchiveSpanWriterPluginClient;
use spoor_proto::storage_v1::plugin_capabilities_client::PluginCapabilitiesClient;
use spoor_proto::storage_v1::span_writer_plugin_client::SpanWriterPluginClient;
use spoor_proto::storage_v1::{
    CapabilitiesRequest, CapabilitiesResponse, CloseWriterRequest, GetTraceRequest,
    WriteSpanRequest,
};
use tonic::Code;

use super::{get_trace, span, start, tag, write};
use crate::support::{Call, TestServer, frame, read, span_count, trace_id};

#[tokio::test]
async fn a_span_comes_back_through_either_api() {
    let server = start().await;
    let mut written = span(1, 1);
    written.tags = vec![tag("key", "value"), tag("span.kind", "server")];
    written.warnings = vec!["clock skew".to_owned(), String::new()];
    write(&server, written.clone()).await.unwrap();
    assert_eq!(get_trace(&server, &trace_id(1)).await.unwrap(), [written]);
    let chunks = read(&mut server.reader(), 1).await;
    assert_eq!(chunks.iter().map(span_count).sum::<usize>(), 1);
}

#[tokio::test]
async fn a_trace_id_of_8_bytes_is_one_of_16() {
    let server = start().await;
    let mut short = span(7, 2);
    short.trace_id = 7_u64.to_be_bytes().to_vec().into();
    let parent = SpanRef {
        trace_id: trace_id(7).into(),
        span_id: 1_u64.to_be_bytes().to_vec().into(),
        ref_type: 0,
    };
    short.references = vec![parent.clone()];
    write(&server, short).await.unwrap();
    for id in [trace_id(7), 7_u64.to_be_bytes().to_vec()] {
        let spans = get_trace(&server, &id).await.unwrap();
        assert_eq!(
            (&*spans[0].trace_id, &spans[0].references),
            (&*trace_id(7), &vec![parent.clone()])
        );
    }
}

#[tokio::test]
async fn a_span_that_can_not_be_kept_is_invalid_and_the_reason_is_told() {
    let server = start().await;
    let mut no_id = span(1, 1);
    no_id.span_id = vec![0; 8].into();
    let mut cut_id = span(1, 1);
    cut_id.trace_id = vec![1; 9].into();
    let mut cut_reference = span(1, 1);
    let reference = SpanRef { trace_id: vec![1; 3].into(), ..SpanRef::default() };
    let span_id = vec![1; 8].into();
    cut_reference.references = vec![SpanRef { span_id, ref_type: 1, ..reference }];
    for (span, reason) in [(no_id, "span_id"), (cut_id, "trace_id"), (cut_reference, "link")] {
        let status = write(&server, span).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let told = status.message();
        assert!(
            told.starts_with("1 span was refused because its ") && told.contains(reason),
            "{told}"
        );
    }
    let mut writer = SpanWriterPluginClient::new(server.channel());
    let status = writer.write_span(WriteSpanRequest { span: None }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_message_that_can_not_be_decoded_is_invalid_and_the_reason_is_told() {
    let server = start().await;
    for method in [
        "v1.SpanWriterPlugin/WriteSpan",
        "v1.StreamingSpanWriterPlugin/WriteSpanStream",
        "v1.SpanReaderPlugin/GetTrace",
        "v2.TraceReader/FindTraces",
    ] {
        let path = format!("/jaeger.storage.{method}");
        let mut call = Call::open(server.grpc, &path, &[]).await;
        // A first field of two bytes, of which there is one.
        call.send(frame(0, b"\x0a\x02\x00"));
        let answer = call.end().await;
        assert_eq!(answer.code, Code::InvalidArgument, "{method}: {answer:?}");
        assert!(answer.message.contains("failed to decode"), "{method}: {answer:?}");
    }
}

#[tokio::test]
async fn times_that_otlp_lacks_become_the_nearest_it_has() {
    let server = start().await;
    let mut early = span(1, 1);
    // Go's zero time, and what it sends for none at all.
    early.start_time = Some(prost_types::Timestamp { seconds: -62_135_596_800, nanos: 0 });
    let mut late = span(2, 1);
    late.start_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    let mut none = span(3, 1);
    (none.start_time, none.duration) = (None, None);
    for span in [early, late, none] {
        write(&server, span).await.unwrap();
    }
    for (trace, seconds, nanos) in [(1, 0, 0), (2, 18_446_744_073, 709_551_615), (3, 0, 0)] {
        let spans = get_trace(&server, &trace_id(trace)).await.unwrap();
        assert_eq!(spans[0].start_time, Some(prost_types::Timestamp { seconds, nanos }));
        assert_eq!(spans[0].duration, Some(prost_types::Duration::default()));
    }
}

#[tokio::test]
async fn a_span_with_a_great_many_tags_is_taken_in_time() {
    let server = TestServer::start(|config| {
        config.engine = Engine::Memory;
        (config.max_request_bytes, config.max_inflight_bytes) = (256 << 20, 256 << 20);
    })
    .await;
    let mut wide = span(1, 1);
    wide.tags = (0..200_000).map(|number| tag(&format!("key-{}", number / 2), "value")).collect();
    wide.process =
        Some(Process { tags: wide.tags.clone(), ..wide.process.take().unwrap_or_default() });
    let took = std::time::Instant::now();
    write(&server, wide).await.unwrap();
    // Comparing each with each would take minutes.
    assert!(took.elapsed() < crate::support::DEADLINE, "{:?}", took.elapsed());
    let mut reader = server.reader().max_decoding_message_size(usize::MAX);
    let chunk = read(&mut reader, 1).await.remove(0);
    let kept = TracesData::decode(chunk.0).unwrap().resource_spans.remove(0);
    assert_eq!(kept.scope_spans[0].spans[0].attributes.len(), 100_000);
    // Of the service's name, too.
    assert_eq!(kept.resource.unwrap().attributes.len(), 100_001);
}

/// Spans of as many parts, each of which has two bytes.
fn of_empty_parts(count: usize) -> [Span; 6] {
    let tags = vec![KeyValue::default(); count];
    let (references, warnings) = (vec![SpanRef::default(); count], vec![String::new(); count]);
    let logs = vec![Log::default(); count];
    let log = Log { fields: tags.clone(), ..Log::default() };
    let process = Some(Process { tags: tags.clone(), ..Process::default() });
    let span = span(1, 1);
    [
        Span { tags, ..span.clone() },
        Span { references, ..span.clone() },
        Span { warnings, ..span.clone() },
        Span { logs, ..span.clone() },
        Span { logs: vec![log], ..span.clone() },
        Span { process, ..span },
    ]
}

#[tokio::test]
async fn what_takes_much_more_memory_than_bytes_is_admitted_for_the_memory() {
    let server = TestServer::start(|config| {
        config.engine = Engine::Memory;
        (config.max_request_bytes, config.max_inflight_bytes) = (1 << 20, 512 << 10);
    })
    .await;
    for method in ["SpanWriterPlugin/WriteSpan", "StreamingSpanWriterPlugin/WriteSpanStream"] {
        let path = format!("/jaeger.storage.v1.{method}");
        for (count, code) in
            [(5000, Code::InvalidArgument), (3000, Code::ResourceExhausted), (1000, Code::Ok)]
        {
            for span in of_empty_parts(count) {
                let mut call = Call::open(server.grpc, &path, &[]).await;
                call.send(frame(0, &WriteSpanRequest { span: Some(span) }.encode_to_vec()));
                let answer = call.end().await;
                assert_eq!(answer.code, code, "{count} by {method}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn closing_a_writer_is_answered() {
    let server = start().await;
    let mut writer = SpanWriterPluginClient::new(server.channel());
    writer.close(CloseWriterRequest {}).await.unwrap();
}

#[tokio::test]
async fn without_an_archive_none_is_told_and_none_is_there() {
    let server = start().await;
    let mut capabilities = PluginCapabilitiesClient::new(server.channel());
    let told = capabilities.capabilities(CapabilitiesRequest {}).await.unwrap().into_inner();
    let expected = CapabilitiesResponse { streaming_span_writer: true, ..Default::default() };
    assert_eq!(told, expected);
    let asked = GetTraceRequest { trace_id: trace_id(1).into(), ..GetTraceRequest::default() };
    let mut reader = ArchiveSpanReaderPluginClient::new(server.channel());
    assert_eq!(reader.get_archive_trace(asked).await.unwrap_err().code(), Code::Unimplemented);
    let request = WriteSpanRequest { span: Some(span(1, 1)) };
    let mut writer = ArchiveSpanWriterPluginClient::new(server.channel());
    assert_eq!(writer.write_archive_span(request).await.unwrap_err().code(), Code::Unimplemented);
}
