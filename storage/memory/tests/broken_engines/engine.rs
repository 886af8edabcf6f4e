use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt, TryStreamExt};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, TracesData};
use prost::Message;
use spoor_memory::{Limits, MemoryStore};
use spoor_store::filter::Filter;
use spoor_store::ingest::Written;
use spoor_store::otlp::{SpanKind, spans_of};
use spoor_store::trace::{Outline, Summarizer, TraceSummary};
use spoor_store::{
    ChunkStream, Dependency, FoundSpan, FoundTrace, Operation, ReadError, SpanQuery, SpanStream,
    Store, SummaryStream, Tenant, TimeRange, TraceChunk, TraceLookup, TraceQuery, TraceRank, Usage,
    WriteError,
};

/// What an engine does otherwise than the memory engine; [`SOUND`] is nothing.
#[derive(Clone, Copy)]
pub struct Fault {
    pub tenant: fn(&Tenant) -> Tenant,
    pub request: fn(Bytes) -> Bytes,
    pub write: for<'a> fn(&'a Engine, &'a Tenant, Bytes) -> Answer<'a, Written, WriteError>,
    pub written: fn(&mut Written),
    pub lookups: fn(&mut Vec<TraceLookup>),
    pub chunks_by_id: fn(&[TraceLookup], &mut Vec<TraceChunk>),
    pub query: fn(&mut TraceQuery),
    pub search: for<'a> fn(&'a Engine, &'a Tenant, TraceQuery) -> Answer<'a, Vec<FoundTrace>>,
    pub chunks_found: fn(&TraceQuery, &mut Vec<TraceChunk>),
    pub chunks: fn(&mut Vec<TraceChunk>),
    pub summaries: fn(&mut Vec<TraceSummary>),
    pub spans: for<'a> fn(&'a Engine, &'a Tenant, SpanQuery) -> Answer<'a, Vec<FoundSpan>>,
    pub services: for<'a> fn(&'a Engine, &'a Tenant) -> Answer<'a, Vec<String>>,
    pub operations: ListOperations,
    pub dependencies: for<'a> fn(&'a Engine, &'a Tenant, TimeRange) -> Answer<'a, Vec<Dependency>>,
    pub purge: for<'a> fn(&'a Engine, &'a Tenant) -> Answer<'a, (), WriteError>,
    pub usage: fn(&mut Usage),
}

type ListOperations =
    for<'a> fn(&'a Engine, &'a Tenant, &'a str, Option<SpanKind>) -> Answer<'a, Vec<Operation>>;

pub type Answer<'a, T, E = ReadError> = BoxFuture<'a, Result<T, E>>;

pub const SOUND: Fault = Fault {
    tenant: Tenant::clone,
    request: |request| request,
    write: |engine, tenant, request| engine.sound.write(tenant, request),
    written: |_| {},
    lookups: |_| {},
    chunks_by_id: |_, _| {},
    query: |_| {},
    search: |engine, tenant, query| engine.sound.find_trace_ids(tenant, query),
    chunks_found: |_, _| {},
    chunks: |_| {},
    summaries: |_| {},
    spans: |engine, tenant, query| engine.sound.find_spans(tenant, query).try_collect().boxed(),
    services: |engine, tenant| engine.sound.services(tenant),
    operations: |engine, tenant, service, kind| engine.sound.operations(tenant, service, kind),
    dependencies: |engine, tenant, range| engine.sound.dependencies(tenant, range),
    purge: |engine, tenant| engine.sound.purge(tenant),
    usage: |_| {},
};

/// The memory engine with a fault.
#[derive(Clone)]
pub struct Engine {
    pub sound: Arc<MemoryStore>,
    /// Requests and services that a fault remembers.
    pub requests: Arc<Mutex<Vec<(Tenant, Bytes)>>>,
    pub services: Arc<Mutex<HashMap<Tenant, Vec<String>>>>,
    fault: Fault,
}

impl Engine {
    pub fn new(fault: Fault) -> Self {
        Self {
            sound: Arc::new(memory_store()),
            requests: Arc::default(),
            services: Arc::default(),
            fault,
        }
    }

    /// Every trace of the tenant.
    pub async fn traces(&self, tenant: &Tenant) -> Result<Vec<TraceChunk>, ReadError> {
        self.sound.find_traces(tenant, everything()).try_collect().await
    }

    /// A sound engine in which each of the tenant's spans is edited.
    pub async fn edited(
        &self,
        tenant: &Tenant,
        mut edit: impl FnMut(&mut ResourceSpans) + Send,
    ) -> Result<MemoryStore, ReadError> {
        let edited = memory_store();
        for chunk in self.traces(tenant).await? {
            let request = edit_resource_spans(&chunk.data, &mut edit);
            edited.write(tenant, request).await.expect("edited spans are good ones");
        }
        Ok(edited)
    }

    async fn search(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> Result<Vec<FoundTrace>, ReadError> {
        (self.fault.search)(self, &(self.fault.tenant)(tenant), query).await
    }

    fn faulty(&self, mut query: TraceQuery) -> TraceQuery {
        (self.fault.query)(&mut query);
        query
    }

    async fn look_up(
        &self,
        tenant: &Tenant,
        lookups: Vec<TraceLookup>,
    ) -> Result<Vec<TraceChunk>, ReadError> {
        let chunks = self.sound.get_traces(&(self.fault.tenant)(tenant), lookups);
        let mut chunks = chunks.try_collect().await?;
        (self.fault.chunks)(&mut chunks);
        Ok(chunks)
    }
}

/// The query that every trace matches.
pub fn everything() -> TraceQuery {
    let (filter, start) = (Filter::And(Vec::new()), TimeRange::default());
    TraceQuery { filter, start, limit: usize::MAX, after: None }
}

pub fn memory_store() -> MemoryStore {
    MemoryStore::new(Limits { traces: 1000, bytes: 100 << 20 })
}

/// Decodes, edits and encodes `TracesData`; what can't be decoded stays as it is.
pub fn edit_resource_spans(bytes: &Bytes, edit: impl FnMut(&mut ResourceSpans)) -> Bytes {
    let Ok(mut traces) = TracesData::decode(&**bytes) else { return bytes.clone() };
    traces.resource_spans.iter_mut().for_each(edit);
    traces.encode_to_vec().into()
}

/// Edits each span, and loses nothing else.
pub fn edit_spans(bytes: Bytes, mut edit: impl FnMut(&mut Span)) -> Bytes {
    if edit_resource_spans(&bytes, |_| {}) != bytes {
        return bytes;
    }
    edit_resource_spans(&bytes, |resource_spans| {
        spans_mut(resource_spans).for_each(&mut edit);
    })
}

pub fn spans_mut(resource_spans: &mut ResourceSpans) -> impl Iterator<Item = &mut Span> {
    resource_spans.scope_spans.iter_mut().flat_map(|scope_spans| &mut scope_spans.spans)
}

fn lookup(found: FoundTrace) -> TraceLookup {
    TraceLookup { trace_id: found.trace_id, hint: TimeRange::default() }
}

fn flatten<T: Send + 'static>(
    answer: impl Future<Output = Result<Vec<T>, ReadError>> + Send + 'static,
) -> stream::BoxStream<'static, Result<T, ReadError>> {
    stream::once(answer)
        .map_ok(|items| stream::iter(items.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

#[async_trait]
impl Store for Engine {
    async fn write(&self, tenant: &Tenant, request: Bytes) -> Result<Written, WriteError> {
        let request = (self.fault.request)(request);
        let mut written = (self.fault.write)(self, &(self.fault.tenant)(tenant), request).await?;
        (self.fault.written)(&mut written);
        Ok(written)
    }

    fn get_traces(&self, tenant: &Tenant, mut lookups: Vec<TraceLookup>) -> ChunkStream {
        let (engine, tenant) = (self.clone(), tenant.clone());
        (self.fault.lookups)(&mut lookups);
        flatten(async move {
            let mut chunks = engine.look_up(&tenant, lookups.clone()).await?;
            (engine.fault.chunks_by_id)(&lookups, &mut chunks);
            Ok(chunks)
        })
    }

    fn find_traces(&self, tenant: &Tenant, query: TraceQuery) -> ChunkStream {
        let (engine, tenant) = (self.clone(), tenant.clone());
        flatten(async move {
            let query = engine.faulty(query);
            let found = engine.search(&tenant, query.clone()).await?;
            let mut chunks =
                engine.look_up(&tenant, found.into_iter().map(lookup).collect()).await?;
            (engine.fault.chunks_found)(&query, &mut chunks);
            Ok(chunks)
        })
    }

    async fn find_trace_ids(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> Result<Vec<FoundTrace>, ReadError> {
        self.search(tenant, self.faulty(query)).await
    }

    fn find_summaries(&self, tenant: &Tenant, query: TraceQuery) -> SummaryStream {
        let (engine, tenant) = (self.clone(), tenant.clone());
        flatten(async move {
            let found = engine.search(&tenant, engine.faulty(query)).await?;
            let tenant = (engine.fault.tenant)(&tenant);
            let mut summaries = Vec::new();
            for found in found {
                let chunks: Vec<_> =
                    engine.sound.get_traces(&tenant, vec![lookup(found)]).try_collect().await?;
                let rank = TraceRank { start: found.matched, trace_id: found.trace_id };
                let mut summarizer = Summarizer::new(rank);
                let spans = chunks.iter().flat_map(|chunk| spans_of(&chunk.data));
                spans.for_each(|span| summarizer.add(&Outline::from(&span)));
                summaries.push(summarizer.finish());
            }
            (engine.fault.summaries)(&mut summaries);
            Ok(summaries)
        })
    }

    fn find_spans(&self, tenant: &Tenant, query: SpanQuery) -> SpanStream {
        let (engine, tenant) = (self.clone(), (self.fault.tenant)(tenant));
        flatten(async move { (engine.fault.spans)(&engine, &tenant, query).await })
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        (self.fault.services)(self, &(self.fault.tenant)(tenant)).await
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        (self.fault.operations)(self, &(self.fault.tenant)(tenant), service, kind).await
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        (self.fault.dependencies)(self, &(self.fault.tenant)(tenant), range).await
    }

    async fn purge(&self, tenant: &Tenant) -> Result<(), WriteError> {
        (self.fault.purge)(self, &(self.fault.tenant)(tenant)).await
    }

    fn usage(&self) -> Usage {
        let mut usage = self.sound.usage();
        (self.fault.usage)(&mut usage);
        usage
    }
}
