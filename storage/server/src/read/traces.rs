use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use spoor_proto::RawTraces;
use spoor_proto::storage::trace_reader_server::TraceReader;
use spoor_proto::storage::{
    FindSpansRequest, FindSpansResponse, FindTraceIDsRequest, FindTraceIDsResponse,
    FindTraceSummariesRequest, FindTraceSummariesResponse, FindTracesRequest, GetOperationsRequest,
    GetOperationsResponse, GetServicesRequest, GetServicesResponse, GetTracesRequest, Operation,
};
use spoor_store::otlp::SpanKind;
use spoor_store::{ChunkStream, SummaryStream};
use tonic::{Request, Response, Status, async_trait};

use super::bounded::Batch;
use super::{Reader, convert, status, tenant};

const FIND_TRACE_IDS: &str = "jaeger.storage.v2.TraceReader/FindTraceIDs";
const GET_OPERATIONS: &str = "jaeger.storage.v2.TraceReader/GetOperations";
const GET_SERVICES: &str = "jaeger.storage.v2.TraceReader/GetServices";

type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[async_trait]
impl TraceReader for Reader {
    type GetTracesStream = Answers<RawTraces>;
    type FindTracesStream = Answers<RawTraces>;
    type FindTraceSummariesStream = Answers<FindTraceSummariesResponse>;
    type FindSpansStream = Answers<FindSpansResponse>;

    async fn get_traces(
        &self,
        request: Request<GetTracesRequest>,
    ) -> Result<Response<Self::GetTracesStream>, Status> {
        let asked = request.into_inner().query;
        if asked.len() > self.max_depth {
            let (asked, most) = (asked.len(), self.max_depth);
            let reason = format!("the request asks for {asked} traces, the limit is {most}");
            return Err(Status::invalid_argument(reason));
        }
        let lookups = asked.iter().map(convert::lookup).collect::<Result<_, _>>()?;
        Ok(Response::new(chunks(self.store.get_traces(&tenant(), lookups))))
    }

    async fn find_traces(
        &self,
        request: Request<FindTracesRequest>,
    ) -> Result<Response<Self::FindTracesStream>, Status> {
        let query = request.into_inner().query;
        // This answer has no place for the next page's token (jaeger-idl v0.14.0).
        if query.as_ref().is_some_and(|query| query.pagination.is_some()) {
            return Err(Status::invalid_argument("FindTraces has no pages"));
        }
        let query = convert::query(query, self.max_depth)?;
        Ok(Response::new(chunks(self.store.find_traces(&tenant(), query))))
    }

    async fn find_trace_i_ds(
        &self,
        request: Request<FindTraceIDsRequest>,
    ) -> Result<Response<FindTraceIDsResponse>, Status> {
        let query = convert::query(request.into_inner().query, self.max_depth)?;
        let found = self.store.find_trace_ids(&tenant(), query).await;
        let found = found.map_err(|error| status(&error))?;
        let mut trace_ids: Vec<_> = found.into_iter().map(convert::found_trace).collect();
        self.truncate(FIND_TRACE_IDS, &mut trace_ids);
        Ok(Response::new(FindTraceIDsResponse { trace_ids, ..FindTraceIDsResponse::default() }))
    }

    async fn find_trace_summaries(
        &self,
        request: Request<FindTraceSummariesRequest>,
    ) -> Result<Response<Self::FindTraceSummariesStream>, Status> {
        let query = convert::query(request.into_inner().query, self.max_depth)?;
        Ok(Response::new(batches(self.store.find_summaries(&tenant(), query))))
    }

    async fn find_spans(
        &self,
        _: Request<FindSpansRequest>,
    ) -> Result<Response<Self::FindSpansStream>, Status> {
        Err(Status::unimplemented("searching for spans is not supported"))
    }

    async fn get_services(
        &self,
        _: Request<GetServicesRequest>,
    ) -> Result<Response<GetServicesResponse>, Status> {
        let services = self.store.services(&tenant()).await;
        let mut services = services.map_err(|error| status(&error))?;
        self.truncate(GET_SERVICES, &mut services);
        Ok(Response::new(GetServicesResponse { services }))
    }

    async fn get_operations(
        &self,
        request: Request<GetOperationsRequest>,
    ) -> Result<Response<GetOperationsResponse>, Status> {
        let GetOperationsRequest { service, span_kind } = request.into_inner();
        let kind = match span_kind.as_str() {
            "" => None,
            name => Some(SpanKind::from_name(name).ok_or_else(|| {
                Status::invalid_argument(format!("the span_kind {name} is none that OTLP has"))
            })?),
        };
        let found = self.store.operations(&tenant(), &service, kind).await;
        let mut operations: Vec<_> = found
            .map_err(|error| status(&error))?
            .into_iter()
            .map(|operation| Operation {
                name: operation.name,
                span_kind: operation.kind.operation_name().to_owned(),
            })
            .collect();
        self.truncate(GET_OPERATIONS, &mut operations);
        Ok(Response::new(GetOperationsResponse { operations }))
    }
}

fn chunks(chunks: ChunkStream) -> Answers<RawTraces> {
    chunks.map_ok(|chunk| RawTraces(chunk.data)).map_err(|error| status(&error)).boxed()
}

/// Puts summaries together, because a message for each costs more than its content.
fn batches(summaries: SummaryStream) -> Answers<FindTraceSummariesResponse> {
    let state = (summaries.map_ok(convert::summary), None);
    let batches = stream::try_unfold(state, |(mut rest, mut first)| async move {
        let mut batch = Batch::default();
        loop {
            let next = match first.take() {
                Some(first) => Some(first),
                None => rest.try_next().await.map_err(|error| status(&error))?,
            };
            let Some(next) = next else { break };
            first = batch.add(next);
            if first.is_some() {
                break;
            }
        }
        let summaries = batch.into_elements();
        let answer = FindTraceSummariesResponse { summaries, ..Default::default() };
        Ok((!answer.summaries.is_empty()).then_some((answer, (rest, first))))
    });
    batches.boxed()
}
