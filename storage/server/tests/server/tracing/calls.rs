//! Every method that reads, with the stages of its answer.

use std::net::SocketAddr;

use prost_types::Timestamp;
use spoor_proto::storage::dependency_reader_client::DependencyReaderClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{self, Pagination, SpanQueryParameters, TraceQueryParameters};
use spoor_proto::storage_v1::archive_span_reader_plugin_client::ArchiveSpanReaderPluginClient;
use spoor_proto::storage_v1::dependencies_reader_plugin_client::DependenciesReaderPluginClient;
use spoor_proto::storage_v1::span_reader_plugin_client::SpanReaderPluginClient;
use spoor_proto::storage_v1::{self as v1, GetTraceRequest};
use tonic::{Code, Request, Response, Status, Streaming};

use super::super::support::{by_id, channel, trace_id};

/// The span of the caller.
pub const PARENT: u64 = 0xb7ad_6b71_6920_3331;
/// The trace of a caller that takes none of it.
pub const NOT_SAMPLED: u128 = 99;

const MEMORY: &str = "wait for memory";
const HEADS: &[&str] = &["search heads", "  spoor.spans=0"];
const BLOCKS: &[&str] = &["search blocks", "  spoor.blocks.read=1", "  spoor.blocks.skipped=0"];

/// The methods, and what is below their spans where two traces of one span each are in a segment.
pub const CALLS: [(&str, &[&str]); 15] = [
    ("jaeger.storage.v2.TraceReader/GetTraces", GET),
    ("jaeger.storage.v2.TraceReader/FindTraces", FIND),
    ("jaeger.storage.v2.TraceReader/FindTraceIDs", FIND),
    ("jaeger.storage.v2.TraceReader/FindTraceSummaries", FIND),
    ("jaeger.storage.v2.TraceReader/FindSpans", FIND_SPANS),
    ("jaeger.storage.v2.TraceReader/GetServices", NAMES),
    ("jaeger.storage.v2.TraceReader/GetOperations", NAMES),
    ("jaeger.storage.v2.DependencyReader/GetDependencies", &[MEMORY, "count calls"]),
    ("jaeger.storage.v1.SpanReaderPlugin/GetTrace", GET),
    ("jaeger.storage.v1.SpanReaderPlugin/FindTraces", FIND),
    ("jaeger.storage.v1.SpanReaderPlugin/FindTraceIDs", FIND),
    ("jaeger.storage.v1.SpanReaderPlugin/GetServices", NAMES),
    ("jaeger.storage.v1.SpanReaderPlugin/GetOperations", NAMES),
    ("jaeger.storage.v1.DependenciesReaderPlugin/GetDependencies", &[MEMORY, "count calls"]),
    // The archive has nothing yet.
    ("jaeger.storage.v1.ArchiveSpanReaderPlugin/GetArchiveTrace", &[MEMORY]),
];
const GET: &[&str] = &[MEMORY, "read traces", "  spoor.traces=1"];
const NAMES: &[&str] = &[MEMORY, "read names"];
const FIND: &[&str] = &[
    MEMORY,
    HEADS[0],
    HEADS[1],
    BLOCKS[0],
    BLOCKS[1],
    BLOCKS[2],
    "read traces",
    "  spoor.traces=2",
];
const FIND_SPANS: &[&str] =
    &[MEMORY, HEADS[0], HEADS[1], BLOCKS[0], BLOCKS[1], BLOCKS[2], "read spans", "  spoor.spans=2"];

/// The request with the context of this trace, if there is one.
pub fn with<T>(message: T, trace: Option<u128>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(trace) = trace {
        let flags = if trace == NOT_SAMPLED { "00" } else { "01" };
        let traceparent = format!("00-{trace:032x}-{PARENT:016x}-{flags}");
        request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    }
    request
}

pub fn query() -> TraceQueryParameters {
    TraceQueryParameters { service_name: "secret".to_owned(), ..Default::default() }
}

fn v1_query() -> Option<v1::TraceQueryParameters> {
    Some(v1::TraceQueryParameters { service_name: "secret".to_owned(), ..Default::default() })
}

fn span_query() -> SpanQueryParameters {
    SpanQueryParameters {
        start_time_min: Some(Timestamp { seconds: 1, nanos: 0 }),
        start_time_max: Some(Timestamp { seconds: 1 << 33, nanos: 0 }),
        pagination: Some(Pagination { page_size: 10, page_token: String::new() }),
        ..Default::default()
    }
}

/// Calls the method and reads its answer to the end.
pub async fn call(server: SocketAddr, method: &str, trace: Option<u128>) -> Result<(), Status> {
    let channel = channel(server);
    let mut v2 = TraceReaderClient::new(channel.clone());
    let mut old = SpanReaderPluginClient::new(channel.clone());
    let service = || "secret".to_owned();
    match method.trim_start_matches("jaeger.storage.") {
        "v2.TraceReader/GetTraces" => all(v2.get_traces(with(by_id(1), trace)).await).await,
        "v2.TraceReader/FindTraces" => {
            let request = storage::FindTracesRequest { query: Some(query()) };
            all(v2.find_traces(with(request, trace)).await).await
        }
        "v2.TraceReader/FindTraceIDs" => {
            let request = storage::FindTraceIDsRequest { query: Some(query()) };
            v2.find_trace_i_ds(with(request, trace)).await.map(drop)
        }
        "v2.TraceReader/FindTraceSummaries" => {
            let request = storage::FindTraceSummariesRequest { query: Some(query()) };
            all(v2.find_trace_summaries(with(request, trace)).await).await
        }
        "v2.TraceReader/FindSpans" => {
            let request = storage::FindSpansRequest { query: Some(span_query()) };
            all(v2.find_spans(with(request, trace)).await).await
        }
        "v2.TraceReader/GetServices" => {
            v2.get_services(with(storage::GetServicesRequest {}, trace)).await.map(drop)
        }
        "v2.TraceReader/GetOperations" => {
            let (service, span_kind) = (service(), String::new());
            let request = storage::GetOperationsRequest { service, span_kind };
            v2.get_operations(with(request, trace)).await.map(drop)
        }
        "v2.DependencyReader/GetDependencies" => {
            let mut reader = DependencyReaderClient::new(channel);
            reader.get_dependencies(with(Default::default(), trace)).await.map(drop)
        }
        "v1.SpanReaderPlugin/GetTrace" => {
            let request = GetTraceRequest { trace_id: trace_id(1).into(), ..Default::default() };
            all(old.get_trace(with(request, trace)).await).await
        }
        "v1.SpanReaderPlugin/FindTraces" => {
            let request = v1::FindTracesRequest { query: v1_query() };
            all(old.find_traces(with(request, trace)).await).await
        }
        "v1.SpanReaderPlugin/FindTraceIDs" => {
            let request = v1::FindTraceIDsRequest { query: v1_query() };
            old.find_trace_i_ds(with(request, trace)).await.map(drop)
        }
        "v1.SpanReaderPlugin/GetServices" => {
            old.get_services(with(v1::GetServicesRequest {}, trace)).await.map(drop)
        }
        "v1.SpanReaderPlugin/GetOperations" => {
            let (service, span_kind) = (service(), String::new());
            let request = v1::GetOperationsRequest { service, span_kind };
            old.get_operations(with(request, trace)).await.map(drop)
        }
        "v1.DependenciesReaderPlugin/GetDependencies" => {
            let mut reader = DependenciesReaderPluginClient::new(channel);
            reader.get_dependencies(with(Default::default(), trace)).await.map(drop)
        }
        "v1.ArchiveSpanReaderPlugin/GetArchiveTrace" => {
            let mut reader = ArchiveSpanReaderPluginClient::new(channel);
            let request = GetTraceRequest { trace_id: trace_id(1).into(), ..Default::default() };
            let answer = all(reader.get_archive_trace(with(request, trace)).await).await;
            match answer.expect_err("nothing was archived") {
                status if status.code() == Code::NotFound => Ok(()),
                status => Err(status),
            }
        }
        _ => panic!("{method}"),
    }
}

async fn all<T>(answer: Result<Response<Streaming<T>>, Status>) -> Result<(), Status> {
    let mut messages = answer?.into_inner();
    while messages.message().await?.is_some() {}
    Ok(())
}
