use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use spoor_proto::RawTraces;
use spoor_proto::storage::trace_reader_server::TraceReader;
use spoor_proto::storage::{
    FindSpansRequest, FindSpansResponse, FindTraceIDsRequest, FindTraceIDsResponse,
    FindTraceSummariesRequest, FindTraceSummariesResponse, FindTracesRequest, GetOperationsRequest,
    GetOperationsResponse, GetServicesRequest, GetServicesResponse, GetTracesRequest, Operation,
    SpanQueryParameters, TraceQueryParameters,
};
use spoor_store::otlp::SpanKind;
use spoor_store::{ChunkStream, FoundTrace, SpanQuery, Tenant, TraceQuery, TraceRank};
use tonic::{Request, Response, Status, async_trait};

use super::pages::{Asked, Page};
use super::{Reader, convert, invalid, status, streams};
use crate::identity::tenant;

pub(super) type Answers<T> = BoxStream<'static, Result<T, Status>>;

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
        let tenant = tenant(request.extensions())?;
        let asked = request.into_inner().query;
        if asked.len() > self.max_depth {
            let (asked, most) = (asked.len(), self.max_depth);
            let reason = format!("the request asks for {asked} traces, the limit is {most}");
            return Err(Status::invalid_argument(reason));
        }
        let lookups = asked.iter().map(convert::lookup).collect::<Result<_, _>>()?;
        Ok(Response::new(chunks(self.store.get_traces(&tenant, lookups))))
    }

    async fn find_traces(
        &self,
        request: Request<FindTracesRequest>,
    ) -> Result<Response<Self::FindTracesStream>, Status> {
        let tenant = tenant(request.extensions())?;
        let query = request.into_inner().query;
        // This answer has no place for the next page's token (jaeger-idl v0.14.0).
        if query.as_ref().is_some_and(|query| query.pagination.is_some()) {
            return Err(Status::invalid_argument("FindTraces has no pages"));
        }
        let query = convert::query(query, self.max_depth)?;
        Ok(Response::new(chunks(self.store.find_traces(&tenant, query))))
    }

    async fn find_trace_i_ds(
        &self,
        request: Request<FindTraceIDsRequest>,
    ) -> Result<Response<FindTraceIDsResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let tenant = tenant(&extensions)?;
        let (query, page) = self.paged(&tenant, request.query)?;
        let found = self.store.find_trace_ids(&tenant, query).await;
        let mut found = found.map_err(|error| status(&error))?;
        let mut next_page_token = String::new();
        if let Some(page) = page.filter(|page| found.len() > page.size) {
            found.truncate(page.size);
            let token = found.last().map(|last| page.token(&rank(last)));
            next_page_token = token.unwrap_or_default();
        }
        let mut trace_ids: Vec<_> = found.into_iter().map(convert::found_trace).collect();
        self.truncate(&extensions, &mut trace_ids);
        Ok(Response::new(FindTraceIDsResponse { trace_ids, next_page_token }))
    }

    async fn find_trace_summaries(
        &self,
        request: Request<FindTraceSummariesRequest>,
    ) -> Result<Response<Self::FindTraceSummariesStream>, Status> {
        let tenant = tenant(request.extensions())?;
        let (query, page) = self.paged(&tenant, request.into_inner().query)?;
        Ok(Response::new(streams::summaries(self.store.find_summaries(&tenant, query), page)))
    }

    async fn find_spans(
        &self,
        request: Request<FindSpansRequest>,
    ) -> Result<Response<Self::FindSpansStream>, Status> {
        let tenant = tenant(request.extensions())?;
        let (query, page) = self.paged_spans(&tenant, request.into_inner().query)?;
        Ok(Response::new(streams::spans(self.store.find_spans(&tenant, query), page)))
    }

    async fn get_services(
        &self,
        request: Request<GetServicesRequest>,
    ) -> Result<Response<GetServicesResponse>, Status> {
        let tenant = tenant(request.extensions())?;
        let services = self.store.services(&tenant).await;
        let mut services = services.map_err(|error| status(&error))?;
        self.truncate(request.extensions(), &mut services);
        Ok(Response::new(GetServicesResponse { services }))
    }

    async fn get_operations(
        &self,
        request: Request<GetOperationsRequest>,
    ) -> Result<Response<GetOperationsResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let tenant = tenant(&extensions)?;
        let GetOperationsRequest { service, span_kind } = request;
        let kind = match span_kind.as_str() {
            "" => None,
            name => {
                let unknown = || invalid(&format!("the span_kind {name} is none that OTLP has"));
                Some(SpanKind::from_name(name).ok_or_else(unknown)?)
            }
        };
        let found = self.store.operations(&tenant, &service, kind).await;
        let mut operations: Vec<_> = found
            .map_err(|error| status(&error))?
            .into_iter()
            .map(|operation| Operation {
                name: operation.name,
                span_kind: operation.kind.operation_name().to_owned(),
            })
            .collect();
        self.truncate(&extensions, &mut operations);
        Ok(Response::new(GetOperationsResponse { operations }))
    }
}

impl Reader {
    /// A search for traces, and its page if it asks for one: then it finds one more, which tells
    /// that there is another page.
    fn paged(
        &self,
        tenant: &Tenant,
        query: Option<TraceQueryParameters>,
    ) -> Result<(TraceQuery, Option<Page>), Status> {
        let pagination = query.as_ref().and_then(|query| query.pagination.clone());
        let depth = query.as_ref().map_or(0, |query| query.search_depth);
        let mut query = convert::query(query, self.max_depth)?;
        let Some(pagination) = pagination else { return Ok((query, None)) };
        if depth != 0 {
            let reason = "a query with a pagination has no search_depth beside it";
            return Err(Status::invalid_argument(reason));
        }
        let (filter, start) = (&query.filter, query.start);
        let asked = Asked { tenant, filter, start, order: None };
        let (page, after) = Page::of(&pagination, self.max_depth, &asked)?;
        (query.limit, query.after) = (page.size + 1, after);
        Ok((query, Some(page)))
    }

    /// A search for a page of spans, and one more.
    fn paged_spans(
        &self,
        tenant: &Tenant,
        asked: Option<SpanQueryParameters>,
    ) -> Result<(SpanQuery, Page), Status> {
        let mut query = convert::span_query(asked.as_ref(), 0)?;
        let pagination = asked.and_then(|asked| asked.pagination);
        let pagination = pagination
            .ok_or_else(|| Status::invalid_argument("a search for spans needs a pagination"))?;
        let (filter, start) = (&query.filter, query.start);
        let order = Some(query.order);
        let asked = Asked { tenant, filter, start, order };
        let (page, after) = Page::of(&pagination, self.max_depth, &asked)?;
        (query.limit, query.after) = (page.size + 1, after);
        Ok((query, page))
    }
}

fn rank(found: &FoundTrace) -> TraceRank {
    TraceRank { start: found.matched, trace_id: found.trace_id }
}

fn chunks(chunks: ChunkStream) -> Answers<RawTraces> {
    chunks.map_ok(|chunk| RawTraces(chunk.data)).map_err(|error| status(&error)).boxed()
}
