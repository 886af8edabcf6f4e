use std::iter;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::storage::trace_reader_server::TraceReader;
use spoor_proto::storage::{self, GetTraceParams, GetTracesRequest};
use spoor_proto::storage_v1::span_reader_plugin_server::SpanReaderPlugin;
use spoor_proto::storage_v1::{
    FindTraceIDsRequest, FindTraceIDsResponse, FindTracesRequest, GetOperationsRequest,
    GetOperationsResponse, GetServicesRequest, GetServicesResponse, GetTraceRequest, Operation,
    SpansResponseChunk,
};
use spoor_store::{CHUNK_BYTES, otlp};
use tonic::{Request, Response, Status, async_trait};

use super::query;
use crate::read::{HEADER, Reader, UNARY_BYTES};

/// The most spans in a message of a stream.
const MAX_SPANS: usize = 1000;

pub(super) type Spans = BoxStream<'static, Result<SpansResponseChunk, Status>>;

/// Serves `SpanReaderPlugin` and `DependenciesReaderPlugin`.
#[derive(Clone)]
pub(crate) struct SpanReader {
    pub(crate) reader: Reader,
    /// The kind of an operation whose spans tell none. Jaeger 1.57 expects another than its
    /// successors.
    pub(crate) unset_kind: &'static str,
}

#[async_trait]
impl SpanReaderPlugin for SpanReader {
    type GetTraceStream = Spans;
    type FindTracesStream = Spans;

    async fn get_trace(
        &self,
        request: Request<GetTraceRequest>,
    ) -> Result<Response<Spans>, Status> {
        get_trace(&self.reader, request).await
    }

    async fn get_services(
        &self,
        request: Request<GetServicesRequest>,
    ) -> Result<Response<GetServicesResponse>, Status> {
        let request = request.map(|GetServicesRequest {}| storage::GetServicesRequest {});
        let answer = self.reader.get_services(request).await?;
        Ok(answer.map(|answer| GetServicesResponse { services: answer.services }))
    }

    async fn get_operations(
        &self,
        request: Request<GetOperationsRequest>,
    ) -> Result<Response<GetOperationsResponse>, Status> {
        let request = request.map(|GetOperationsRequest { service, span_kind }| {
            storage::GetOperationsRequest { service, span_kind }
        });
        let answer = self.reader.get_operations(request).await?;
        Ok(answer.map(|answer| self.operations(answer.operations)))
    }

    async fn find_traces(
        &self,
        request: Request<FindTracesRequest>,
    ) -> Result<Response<Spans>, Status> {
        let request = request.map(|FindTracesRequest { query }| storage::FindTracesRequest {
            query: query.map(query::v2),
        });
        Ok(self.reader.find_traces(request).await?.map(spans))
    }

    async fn find_trace_i_ds(
        &self,
        request: Request<FindTraceIDsRequest>,
    ) -> Result<Response<FindTraceIDsResponse>, Status> {
        let request = request.map(|FindTraceIDsRequest { query }| storage::FindTraceIDsRequest {
            query: query.map(query::v2),
        });
        let answer = self.reader.find_trace_i_ds(request).await?;
        Ok(answer.map(|answer| FindTraceIDsResponse {
            trace_ids: answer.trace_ids.into_iter().map(|found| found.trace_id).collect(),
        }))
    }
}

impl SpanReader {
    /// The names alone, for clients that know no kinds, give way if they make the answer too
    /// large.
    fn operations(&self, operations: Vec<storage::Operation>) -> GetOperationsResponse {
        let mut names: Vec<_> = operations.iter().map(|operation| operation.name.clone()).collect();
        names.dedup();
        let operations = operations.into_iter().map(|operation| Operation {
            name: operation.name,
            span_kind: match operation.span_kind {
                kind if kind.is_empty() => self.unset_kind.to_owned(),
                kind => kind,
            },
        });
        let mut answer =
            GetOperationsResponse { operation_names: names, operations: operations.collect() };
        if answer.encoded_len() >= UNARY_BYTES {
            answer.operation_names.clear();
        }
        answer
    }
}

/// Answers with the spans of one trace. Jaeger knows by the message that there is none.
pub(super) async fn get_trace(
    reader: &Reader,
    request: Request<GetTraceRequest>,
) -> Result<Response<Spans>, Status> {
    let not_found = || Status::not_found("trace not found");
    let (metadata, extensions, asked) = request.into_parts();
    let trace_id = jaeger_otlp::trace_id(&asked.trace_id);
    if trace_id.is_empty() {
        return Err(not_found());
    }
    let params = GetTraceParams {
        trace_id: trace_id.into(),
        start_time: asked.start_time,
        end_time: asked.end_time,
    };
    let asked = GetTracesRequest { query: vec![params] };
    let asked = Request::from_parts(metadata, extensions, asked);
    let mut traces = reader.get_traces(asked).await?.into_inner();
    let first = traces.try_next().await?.ok_or_else(not_found)?;
    Ok(Response::new(spans(stream::iter([Ok(first)]).chain(traces))))
}

/// The spans of each chunk, converted as they are asked for.
fn spans(chunks: impl Stream<Item = Result<RawTraces, Status>> + Send + 'static) -> Spans {
    chunks
        .map_ok(|RawTraces(chunk)| stream::iter(messages(chunk)).map(Ok::<_, Status>))
        .try_flatten()
        .boxed()
}

/// The messages with a chunk's spans, each smaller than a chunk may be, and taking no more memory,
/// unless it has one span. Spans grow, for each gets its resource: so the chunk is read again for
/// each message, which costs less than all of its spans would take.
fn messages(chunk: Bytes) -> impl Iterator<Item = SpansResponseChunk> + Send {
    let mut given = 0;
    iter::from_fn(move || {
        let (mut spans, mut bytes) = (Vec::new(), 0);
        for span in otlp::spans_of(&chunk).skip(given).take(MAX_SPANS) {
            let span = jaeger_otlp::span(&span);
            bytes += HEADER + jaeger_otlp::weight_of(&span);
            if bytes >= CHUNK_BYTES && !spans.is_empty() {
                break;
            }
            spans.push(span);
        }
        given += spans.len();
        (!spans.is_empty()).then_some(SpansResponseChunk { spans })
    })
}
