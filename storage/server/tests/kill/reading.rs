use std::collections::BTreeSet;

use spoor_proto::RawTraces;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{
    FindTracesRequest, GetTraceParams, GetTracesRequest, TraceQueryParameters,
};
use tonic::{Response, Streaming};

use super::ledger::Found;
use super::support::{Program, channel};

/// More than there are.
pub const MOST_TRACES: i32 = 10_000_000;

/// All spans.
pub async fn everything(program: &Program) -> Found {
    let query = TraceQueryParameters { search_depth: MOST_TRACES, ..Default::default() };
    let request = FindTracesRequest { query: Some(query) };
    collect(TraceReaderClient::new(channel(program.grpc)).find_traces(request).await.unwrap()).await
}

/// The spans of these traces.
pub async fn traces(program: &Program, ids: BTreeSet<Vec<u8>>) -> Found {
    let params = |id: Vec<u8>| GetTraceParams { trace_id: id.into(), ..Default::default() };
    let request = GetTracesRequest { query: ids.into_iter().map(params).collect() };
    collect(TraceReaderClient::new(channel(program.grpc)).get_traces(request).await.unwrap()).await
}

async fn collect(answer: Response<Streaming<RawTraces>>) -> Found {
    let (mut stream, mut found) = (answer.into_inner(), Found::default());
    while let Some(chunk) = stream.message().await.unwrap() {
        found.add(&chunk);
    }
    found
}
