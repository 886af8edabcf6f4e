use spoor_proto::expression::Call;
use spoor_proto::storage::capabilities_client::CapabilitiesClient;
use spoor_proto::storage::dependency_reader_client::DependencyReaderClient;
use spoor_proto::storage::{
    Dependency, FilterCapabilities, FindSpansRequest, FindTraceIDsRequest,
    FindTraceSummariesRequest, FindTracesRequest, GetCapabilitiesRequest, GetDependenciesRequest,
    GetOperationsRequest, GetServicesRequest, GetTraceParams, GetTracesRequest, KeyValue,
    Operation, Pagination, SearchCapabilities, TraceQueryParameters,
};
use spoor_store::CHUNK_BYTES;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::support::{TestServer, export, metric, read, span, span_count, trace_id};

fn of_service(service: &str) -> TraceQueryParameters {
    TraceQueryParameters { service_name: service.to_owned(), ..Default::default() }
}

/// The code of each kind of search for one query.
async fn search(server: &TestServer, query: Option<TraceQueryParameters>) -> [Code; 3] {
    let mut reader = server.reader();
    let code = |ended: Result<(), Status>| ended.map_or_else(|status| status.code(), |()| Code::Ok);
    let traces = reader.find_traces(FindTracesRequest { query: query.clone() }).await;
    let ids = reader.find_trace_i_ds(FindTraceIDsRequest { query: query.clone() }).await;
    let summaries = reader.find_trace_summaries(FindTraceSummariesRequest { query }).await;
    [code(traces.map(drop)), code(ids.map(drop)), code(summaries.map(drop))]
}

#[tokio::test]
async fn what_makes_no_sense_is_invalid() {
    use Code::{InvalidArgument, Ok};
    let server = TestServer::start(|_| {}).await;
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let reversed = TraceQueryParameters {
        start_time_min: time(2),
        start_time_max: time(1),
        ..Default::default()
    };
    let duration = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    let negative = TraceQueryParameters { duration_min: duration(-1), ..Default::default() };
    let filter = TraceQueryParameters { filter: Some(Call::default()), ..Default::default() };
    let pages =
        TraceQueryParameters { pagination: Some(Pagination::default()), ..Default::default() };
    assert_eq!(search(&server, Some(of_service("any"))).await, [Ok; 3]);
    assert_eq!(search(&server, None).await, [InvalidArgument; 3]);
    assert_eq!(search(&server, Some(reversed)).await, [InvalidArgument; 3]);
    assert_eq!(search(&server, Some(negative)).await, [InvalidArgument; 3]);
    assert_eq!(search(&server, Some(filter)).await, [InvalidArgument; 3]);
    assert_eq!(search(&server, Some(pages)).await, [InvalidArgument; 3]);
    for (count, code) in [(1024, Ok), (1025, InvalidArgument)] {
        let attributes = vec![KeyValue::default(); count];
        let many = TraceQueryParameters { attributes, ..Default::default() };
        assert_eq!(search(&server, Some(many)).await, [code; 3], "{count} attributes");
    }

    let mut reader = server.reader();
    let status = reader.find_spans(FindSpansRequest { query: None }).await.unwrap_err();
    assert_eq!(status.code(), InvalidArgument);
    let kind = |span_kind: &str| GetOperationsRequest {
        service: "app".to_owned(),
        span_kind: span_kind.to_owned(),
    };
    reader.get_operations(kind("Server")).await.unwrap();
    let status = reader.get_operations(kind("servant")).await.unwrap_err();
    assert_eq!(status.code(), InvalidArgument);
    let status = DependencyReaderClient::new(server.channel())
        .get_dependencies(GetDependenciesRequest { start_time: time(2), end_time: time(1) })
        .await
        .unwrap_err();
    assert_eq!(status.code(), InvalidArgument);
}

#[tokio::test]
async fn a_query_that_needs_more_memory_than_any_may_have_is_told_so_and_not_to_retry() {
    let server = TestServer::start(|config| {
        config.read_max_bytes = 16 << 20;
        config.max_search_depth = 100_000;
    })
    .await;
    for part in 0..60 {
        let spans = (1..=1_000).map(|index| span(part * 1_000 + index, 1));
        server.writer().export(export("app", spans.collect())).await.unwrap();
    }
    let query = |search_depth| TraceQueryParameters { search_depth, ..of_service("app") };
    let find = |depth| FindTraceIDsRequest { query: Some(query(depth)) };
    let status = server.reader().find_trace_i_ds(find(100_000)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("read_max_bytes"), "{status}");
    assert!(status.get_details_retry_info().is_none(), "{status}");
    let few = server.reader().find_trace_i_ds(find(20)).await.unwrap().into_inner();
    assert_eq!(few.trace_ids.len(), 20);
    let refused = "spoor_store_refused_reads_total{reason=\"too_large\"}";
    assert_eq!(metric(server.admin, refused).await, Some(1.0));
    assert_eq!(metric(server.admin, "spoor_store_read_memory_bytes").await, Some(0.0));
}

#[tokio::test]
async fn traces_are_asked_for_by_whole_ids_and_not_too_many() {
    let server = TestServer::start(|config| config.max_search_depth = 3).await;
    let mut reader = server.reader();
    let params = |id: Vec<u8>| GetTraceParams { trace_id: id.into(), ..Default::default() };
    for (ids, valid) in [
        (vec![trace_id(1); 3], true),
        (vec![trace_id(1); 4], false),
        (vec![vec![1; 8]], false),
        (vec![vec![0; 16]], false),
    ] {
        let request = GetTracesRequest { query: ids.into_iter().map(params).collect() };
        let code =
            reader.get_traces(request).await.map_or_else(|status| status.code(), |_| Code::Ok);
        assert_eq!(code, if valid { Code::Ok } else { Code::InvalidArgument });
    }
    // An unknown trace is no error, and neither is a hint that makes no sense.
    let odd = prost_types::Timestamp { seconds: 1, nanos: -5 };
    let hinted = GetTraceParams { start_time: Some(odd), ..params(trace_id(1)) };
    let answer = reader.get_traces(GetTracesRequest { query: vec![hinted] }).await;
    assert_eq!(answer.unwrap().into_inner().message().await.unwrap(), None);
}

#[tokio::test]
async fn the_capabilities_are_those_that_are_there() {
    let server = TestServer::start(|_| {}).await;
    let response = CapabilitiesClient::new(server.channel())
        .get_capabilities(GetCapabilitiesRequest {})
        .await
        .unwrap();
    let names = |names: &str| names.split(' ').map(str::to_owned).collect();
    let filter = FilterCapabilities {
        levels: names("span resource scope event link"),
        operators: names(
            "and or not eq ne gt lt gte lte regex exists in not_in some phrase fulltext",
        ),
    };
    let expected = SearchCapabilities {
        without_service_name: true,
        same_span_conjunction: true,
        filter: Some(filter),
        paginated: true,
        span_search: true,
        span_sorting: true,
    };
    assert_eq!(response.into_inner().search, Some(expected));
}

#[tokio::test]
async fn what_was_written_is_told_by_every_read() {
    let server = TestServer::start(|_| {}).await;
    let mut call = span(1, 1);
    call.kind = 3;
    let mut handling = span(1, 2);
    handling.parent_span_id.clone_from(&call.span_id);
    handling.name = "handle".to_owned();
    handling.kind = 2;
    let start = call.start_time_unix_nano;
    server.write(export("caller", vec![call])).await;
    server.write(export("called", vec![handling])).await;

    let mut reader = server.reader();
    let services = reader.get_services(GetServicesRequest {}).await.unwrap().into_inner();
    assert_eq!(services.services, ["called", "caller"]);
    let request = GetOperationsRequest { service: "called".to_owned(), ..Default::default() };
    let operations = reader.get_operations(request).await.unwrap().into_inner().operations;
    let handle = Operation { name: "handle".to_owned(), span_kind: "server".to_owned() };
    assert_eq!(operations, [handle]);
    let mut summaries = reader
        .find_trace_summaries(FindTraceSummariesRequest { query: Some(of_service("called")) })
        .await
        .unwrap()
        .into_inner();
    let [summary] = &summaries.message().await.unwrap().unwrap().summaries[..] else {
        panic!("one trace");
    };
    assert_eq!((summary.span_count, summary.orphan_span_count), (2, 0));
    assert_eq!(summary.root_service_name, "caller");
    assert_eq!(summaries.message().await.unwrap(), None);
    let request = FindTraceIDsRequest { query: Some(of_service("caller")) };
    let found = reader.find_trace_i_ds(request).await.unwrap().into_inner().trace_ids;
    assert_eq!(found[0].trace_id, trace_id(1));
    let found_start = found[0].start.unwrap();
    assert_eq!(found_start.seconds as u64 * 1_000_000_000 + found_start.nanos as u64, start);
    let dependencies = DependencyReaderClient::new(server.channel())
        .get_dependencies(GetDependenciesRequest::default())
        .await
        .unwrap();
    let edge = Dependency {
        parent: "caller".to_owned(),
        child: "called".to_owned(),
        call_count: 1,
        source: String::new(),
    };
    assert_eq!(dependencies.into_inner().dependencies, [edge]);
}

#[tokio::test]
async fn chunks_stay_below_their_limit_but_for_a_single_larger_span() {
    let server = TestServer::start(|_| {}).await;
    let sized = |id, bytes| {
        let mut span = span(1, id);
        span.name = "x".repeat(bytes);
        span
    };
    let mut spans: Vec<_> = (1..=60).map(|id| sized(id, 100 << 10)).collect();
    spans.insert(30, sized(100, 5 << 20));
    server.write(export("app", spans)).await;
    let mut reader = server.reader().max_decoding_message_size(usize::MAX);
    let chunks = read(&mut reader, 1).await;
    let large: Vec<_> = chunks.iter().filter(|chunk| chunk.0.len() >= CHUNK_BYTES).collect();
    assert_eq!(large.len(), 1);
    assert_eq!(span_count(large[0]), 1);
    assert_eq!(chunks.iter().map(span_count).sum::<usize>(), 61);
}

#[tokio::test]
async fn a_unary_answer_is_cut_below_4_mib_and_counted() {
    let server = TestServer::start(|_| {}).await;
    let names: Vec<_> = (0..50).map(|index| format!("{index:02}").repeat(50 << 10)).collect();
    // One that fills an answer alone is left out alone.
    server.write(export(&"+".repeat(4 << 20), vec![span(1, 100)])).await;
    for (id, name) in (1..).zip(&names) {
        server.write(export(name, vec![span(1, id)])).await;
    }
    let mut reader = server.reader().max_decoding_message_size(4 << 20);
    let services = reader.get_services(GetServicesRequest {}).await.unwrap().into_inner().services;
    assert!(services.len() > 35 && services.len() < 50);
    assert_eq!(services, names[..services.len()]);
    let series =
        r#"spoor_answers_truncated_total{rpc="jaeger.storage.v2.TraceReader/GetServices"}"#;
    assert_eq!(metric(server.admin, series).await, Some(1.0));
}
