use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::KeyValue as Attribute;
use prost::Message;
use spoor_proto::api_v2::{DependencyLink, KeyValue, Log, Process, SpanRef, ValueType};
use spoor_proto::storage_v1::dependencies_reader_plugin_client::DependenciesReaderPluginClient;
use spoor_proto::storage_v1::{
    FindTraceIDsRequest, FindTracesRequest, GetDependenciesRequest, GetOperationsRequest,
    GetServicesRequest, GetTraceRequest, Operation, TraceQueryParameters,
};
use spoor_store::CHUNK_BYTES;
use tonic::Code;

use super::{get_trace, messages, reader, span, start, tag, write};
use crate::support::{TestServer, export, metric, span as otlp_span, trace_id};

#[tokio::test]
async fn a_trace_that_is_not_there_is_not_found_in_the_words_that_jaeger_knows() {
    let server = start().await;
    write(&server, span(1, 1)).await.unwrap();
    for id in [trace_id(2), trace_id(0), vec![0; 8], Vec::new()] {
        let status = get_trace(&server, &id).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "trace not found"));
    }
    let status = get_trace(&server, &[1; 3]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn what_was_written_is_told_by_every_read() {
    let server = start().await;
    let mut call = span(1, 1);
    call.tags = vec![tag("span.kind", "client")];
    let mut handling = span(1, 2);
    let process = Process { service_name: "called".to_owned(), ..Process::default() };
    handling.process = Some(process);
    handling.references = vec![SpanRef {
        trace_id: call.trace_id.clone(),
        span_id: call.span_id.clone(),
        ref_type: 0,
    }];
    write(&server, call.clone()).await.unwrap();
    write(&server, handling).await.unwrap();
    write(&server, span(2, 1)).await.unwrap();

    let mut reader = reader(&server);
    let services = reader.get_services(GetServicesRequest {}).await.unwrap().into_inner();
    assert_eq!(services.services, ["app", "called"]);

    let request = |span_kind: &str| GetOperationsRequest {
        service: "app".to_owned(),
        span_kind: span_kind.to_owned(),
    };
    let operation = |span_kind: &str| Operation {
        name: "operation".to_owned(),
        span_kind: span_kind.to_owned(),
    };
    let answer = reader.get_operations(request("")).await.unwrap().into_inner();
    assert_eq!(answer.operations, [operation(""), operation("client")]);
    assert_eq!(answer.operation_names, ["operation"]);
    let answer = reader.get_operations(request("client")).await.unwrap().into_inner();
    assert_eq!(answer.operations, [operation("client")]);

    let query = TraceQueryParameters { service_name: "called".to_owned(), ..Default::default() };
    let request = FindTraceIDsRequest { query: Some(query) };
    let found = reader.find_trace_i_ds(request).await.unwrap().into_inner();
    assert_eq!(found.trace_ids, [trace_id(1)]);

    let link = DependencyLink {
        parent: "app".to_owned(),
        child: "called".to_owned(),
        call_count: 1,
        source: String::new(),
    };
    let answer = DependenciesReaderPluginClient::new(server.channel())
        .get_dependencies(GetDependenciesRequest::default())
        .await
        .unwrap();
    assert_eq!(answer.into_inner().dependencies, [link]);
}

/// The traces found by these tags, in ascending order.
async fn found(server: &TestServer, tags: &[(&str, &str)]) -> Vec<u8> {
    let tags: HashMap<_, _> =
        tags.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    let query = TraceQueryParameters { tags, ..TraceQueryParameters::default() };
    let request = FindTracesRequest { query: Some(query) };
    let found = reader(server).find_traces(request).await.unwrap().into_inner();
    let spans = messages(found).await.into_iter().flat_map(|message| message.spans);
    let mut traces: Vec<_> = spans.map(|span| span.trace_id[15]).collect();
    traces.sort_unstable();
    traces
}

#[tokio::test]
async fn spans_are_found_by_the_tags_that_they_come_back_with() {
    let server = start().await;
    for (trace, tags) in [
        (1, vec![tag("key", "a"), tag("otel.scope.name", "scope")]),
        (2, vec![tag("key", "a"), tag("span.kind", "server")]),
        (3, vec![tag("otel.status_code", "ERROR")]),
        (4, vec![tag("otel.scope.name", "other"), tag("otel.scope.version", "1")]),
    ] {
        let mut span = span(trace, 1);
        span.tags = tags;
        write(&server, span).await.unwrap();
    }
    assert_eq!(found(&server, &[]).await, [1, 2, 3, 4]);
    assert_eq!(found(&server, &[("key", "a")]).await, [1, 2]);
    assert_eq!(found(&server, &[("key", "a"), ("span.kind", "server")]).await, [2]);
    assert_eq!(found(&server, &[("otel.status_code", "ERROR")]).await, [3]);
    assert_eq!(found(&server, &[("error", "true")]).await, [3]);
    assert_eq!(found(&server, &[("otel.scope.name", "scope")]).await, [1]);
    assert_eq!(found(&server, &[("otel.scope.version", "1")]).await, [4]);
}

/// The rows of `docs/jaeger/remote-v1.md`.
#[tokio::test]
async fn what_otlp_has_under_another_name_is_found_by_that_name_alone() {
    let server = start().await;
    let is_true = KeyValue { v_type: ValueType::Bool.into(), v_bool: true, ..tag("error", "") };
    let event = Log { fields: vec![tag("event", "retry")], ..Log::default() };
    let mut spans = [1, 2, 3, 4, 5, 6, 7].map(|trace| span(trace, 1));
    spans[0].logs = vec![event];
    spans[1].tags = vec![tag("w3c.tracestate", "a=1")];
    spans[2].tags = vec![tag("otel.status_code", "ERROR"), tag("otel.status_description", "why")];
    spans[3].process.get_or_insert_default().tags = vec![tag("hostname", "one")];
    spans[4].process.get_or_insert_default().tags = vec![tag("jaeger.version", "Go-2.30")];
    spans[5].tags = vec![tag("error", "true")];
    spans[6].tags = vec![is_true];
    for span in spans {
        write(&server, span).await.unwrap();
    }
    for (trace, key, value, all) in [
        (1, "event", "retry", &[][..]),
        (2, "w3c.tracestate", "a=1", &[]),
        (3, "otel.status_description", "why", &[]),
        (4, "hostname", "one", &[]),
        (4, "host.name", "one", &[4]),
        (5, "jaeger.version", "Go-2.30", &[]),
        (5, "opencensus.exporterversion", "Jaeger-Go-2.30", &[5]),
        (6, "error", "true", &[3, 7]),
    ] {
        assert_eq!(found(&server, &[(key, value)]).await, all, "{key} of {trace}");
        let shown = get_trace(&server, &trace_id(trace)).await.unwrap().remove(0);
        let process = shown.process.unwrap_or_default().tags;
        let fields = shown.logs.into_iter().flat_map(|log| log.fields);
        let mut tags = shown.tags.into_iter().chain(process).chain(fields);
        let is_renamed = matches!(key, "hostname" | "jaeger.version");
        let is_shown = tags.any(|tag| (tag.key.as_str(), tag.v_str.as_str()) == (key, value));
        assert_eq!(is_shown, !is_renamed, "{key} of {trace}");
    }
}

#[tokio::test]
async fn traces_come_one_after_the_other_in_messages_of_bounded_size() {
    let server = start().await;
    // Of the second trace, a message's spans are bounded by their bytes, of the others by number.
    for trace in 1..=3 {
        let spans = (1..=2500).map(|id| {
            let mut span = otlp_span(trace, id);
            span.name = "x".repeat(if trace == 2 { 3000 } else { 1 });
            span
        });
        server.write(export("app", spans.collect())).await;
    }
    let request = FindTracesRequest { query: Some(TraceQueryParameters::default()) };
    let mut reader = reader(&server).max_decoding_message_size(usize::MAX);
    let all = messages(reader.find_traces(request).await.unwrap().into_inner()).await;
    assert!(all.iter().all(|message| message.encoded_len() < CHUNK_BYTES));
    assert!(all.iter().all(|message| (1..=1000).contains(&message.spans.len())));
    let mut spans: Vec<_> = all.iter().flat_map(|message| &message.spans).collect();
    let traces: Vec<_> = spans.chunk_by(|a, b| a.trace_id == b.trace_id).map(<[_]>::len).collect();
    assert_eq!(traces, [2500; 3]);
    spans.sort_by_key(|span| (span.trace_id.clone(), span.span_id.clone()));
    spans.dedup_by_key(|span| (span.trace_id.clone(), span.span_id.clone()));
    assert_eq!(spans.len(), 7500, "none comes twice");

    // A resource comes with each of its spans, so an answer may be larger than what is stored.
    let spans = (1..=100).map(|id| otlp_span(9, id));
    server.write(export(&"x".repeat(100 << 10), spans.collect())).await;
    let asked = GetTraceRequest { trace_id: trace_id(9).into(), ..GetTraceRequest::default() };
    let all = messages(reader.get_trace(asked).await.unwrap().into_inner()).await;
    assert!(all.iter().all(|message| message.encoded_len() < CHUNK_BYTES));
    assert_eq!(all.iter().map(|message| message.spans.len()).sum::<usize>(), 100);
}

#[tokio::test]
async fn what_takes_much_more_memory_than_bytes_comes_in_more_messages_or_not_at_all() {
    let server = start().await;
    let wide = |trace, id, attributes| {
        let mut span = otlp_span(trace, id);
        span.parent_span_id = 9_u64.to_be_bytes().to_vec();
        span.attributes = vec![Attribute::default(); attributes];
        span
    };
    let few = (1..=3).map(|id| wide(1, id, 5000)).collect();
    server.write(export("app", few)).await;
    server.write(export("app", vec![wide(2, 1, 1 << 16)])).await;
    let asked = |trace| GetTraceRequest { trace_id: trace_id(trace).into(), ..Default::default() };
    let all = reader(&server).get_trace(asked(1)).await.unwrap().into_inner();
    let spans: Vec<_> = messages(all).await.iter().map(|it| it.spans.len()).collect();
    assert_eq!(spans, [1, 1, 1]);

    let found = get_trace(&server, &trace_id(2)).await.unwrap().remove(0);
    assert_eq!((found.tags, found.references.len(), found.logs), (vec![], 1, vec![]));
    assert_eq!(found.process.unwrap().service_name, "app");
    // The service's name is an attribute.
    assert!(found.warnings[0].contains("65537 attributes"), "{:?}", found.warnings);
}

#[tokio::test]
async fn an_answer_with_many_operations_gives_up_their_bare_names_first() {
    let server = start().await;
    let spans = (1..=40).map(|id| {
        let mut span = otlp_span(1, id);
        span.name = format!("{id:02}").repeat(32 << 10);
        span
    });
    server.write(export("app", spans.collect())).await;
    let request = GetOperationsRequest { service: "app".to_owned(), ..Default::default() };
    let mut reader = reader(&server).max_decoding_message_size(4 << 20);
    let answer = reader.get_operations(request).await.unwrap().into_inner();
    assert_eq!((answer.operations.len(), answer.operation_names.len()), (40, 0));
}

#[tokio::test]
async fn an_answer_that_is_cut_counts_for_the_method_that_was_called() {
    let server = start().await;
    for id in 1..=50 {
        let service = format!("{id:02}").repeat(50 << 10);
        server.write(export(&service, vec![otlp_span(1, id)])).await;
    }
    let mut reader = reader(&server).max_decoding_message_size(4 << 20);
    let services = reader.get_services(GetServicesRequest {}).await.unwrap().into_inner().services;
    assert!(services.len() > 35 && services.len() < 50);
    for (service, expected) in [("v1.SpanReaderPlugin", Some(1.0)), ("v2.TraceReader", None)] {
        let series = format!(
            r#"spoor_answers_truncated_total{{rpc="jaeger.storage.{service}/GetServices"}}"#
        );
        assert_eq!(metric(server.admin, &series).await, expected);
    }
}
