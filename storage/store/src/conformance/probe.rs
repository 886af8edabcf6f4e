use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;

use super::fixtures::{SpanBytes, number_of, spans_in, trace_id};
use crate::ingest::Written;
use crate::otlp::SpanKind;
use crate::trace::TraceSummary;
use crate::{
    Dependency, FoundSpan, FoundTrace, LegacyQuery, SpanQuery, Store, Tenant, TimeRange,
    TraceChunk, TraceLookup, TraceQuery,
};

/// One tenant's calls to the store under test. Traces go by number ([`trace_id`]), and an error
/// names the call.
#[derive(Clone)]
pub(super) struct Probe {
    pub(super) store: Arc<dyn Store>,
    pub(super) tenant: Tenant,
}

impl Probe {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, tenant: Tenant::default() }
    }

    pub(super) fn of_tenant(&self, name: &str) -> Self {
        Self { store: Arc::clone(&self.store), tenant: Tenant::new(name) }
    }

    pub(super) async fn write(&self, request: impl Into<Bytes>) -> Result<Written, String> {
        named("write", self.store.write(&self.tenant, request.into()).await)
    }

    pub(super) async fn chunks(&self, traces: &[u64]) -> Result<Vec<TraceChunk>, String> {
        let lookups = traces
            .iter()
            .map(|number| TraceLookup { trace_id: trace_id(*number), hint: TimeRange::default() });
        self.look_up(lookups.collect()).await
    }

    pub(super) async fn look_up(
        &self,
        lookups: Vec<TraceLookup>,
    ) -> Result<Vec<TraceChunk>, String> {
        named("get_traces", self.store.get_traces(&self.tenant, lookups).try_collect().await)
    }

    /// The spans of a trace, sorted.
    pub(super) async fn spans(&self, trace: u64) -> Result<Vec<SpanBytes>, String> {
        Ok(spans_in(self.chunks(&[trace]).await?.iter().map(|chunk| &*chunk.data)))
    }

    pub(super) async fn find_chunks(&self, query: &LegacyQuery) -> Result<Vec<TraceChunk>, String> {
        self.find_chunks_by(compile(query)?).await
    }

    pub(super) async fn find_chunks_by(
        &self,
        query: TraceQuery,
    ) -> Result<Vec<TraceChunk>, String> {
        named("find_traces", self.store.find_traces(&self.tenant, query).try_collect().await)
    }

    /// The traces that `find_traces` finds, in its order.
    pub(super) async fn find(&self, query: &LegacyQuery) -> Result<Vec<u64>, String> {
        Ok(traces_of(&self.find_chunks(query).await?))
    }

    /// The traces that `find_traces` finds, sorted: for rules that are not about the order.
    pub(super) async fn find_any_order(&self, query: &LegacyQuery) -> Result<Vec<u64>, String> {
        let mut found = self.find(query).await?;
        found.sort_unstable();
        Ok(found)
    }

    pub(super) async fn find_ids(&self, query: &LegacyQuery) -> Result<Vec<FoundTrace>, String> {
        self.find_ids_by(compile(query)?).await
    }

    pub(super) async fn find_ids_by(&self, query: TraceQuery) -> Result<Vec<FoundTrace>, String> {
        named("find_trace_ids", self.store.find_trace_ids(&self.tenant, query).await)
    }

    pub(super) async fn find_summaries(
        &self,
        query: &LegacyQuery,
    ) -> Result<Vec<TraceSummary>, String> {
        self.find_summaries_by(compile(query)?).await
    }

    pub(super) async fn find_summaries_by(
        &self,
        query: TraceQuery,
    ) -> Result<Vec<TraceSummary>, String> {
        let summaries = self.store.find_summaries(&self.tenant, query);
        named("find_summaries", summaries.try_collect().await)
    }

    pub(super) async fn find_spans(&self, query: SpanQuery) -> Result<Vec<FoundSpan>, String> {
        named("find_spans", self.store.find_spans(&self.tenant, query).try_collect().await)
    }

    pub(super) async fn services(&self) -> Result<Vec<String>, String> {
        named("services", self.store.services(&self.tenant).await)
    }

    /// The operations of a service, as their names and kinds.
    pub(super) async fn operations(
        &self,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<(String, SpanKind)>, String> {
        let operations = self.store.operations(&self.tenant, service, kind).await;
        let operations = named("operations", operations)?;
        Ok(operations.into_iter().map(|operation| (operation.name, operation.kind)).collect())
    }

    /// The calls within a range, as parent, child and their number.
    pub(super) async fn calls(
        &self,
        range: TimeRange,
    ) -> Result<Vec<(String, String, u64)>, String> {
        let calls = self.store.dependencies(&self.tenant, range).await;
        let edge = |Dependency { parent, child, calls }| (parent, child, calls);
        Ok(named("dependencies", calls)?.into_iter().map(edge).collect())
    }

    pub(super) async fn purge(&self) -> Result<(), String> {
        named("purge", self.store.purge(&self.tenant).await)
    }
}

fn named<T>(call: &str, result: Result<T, impl Display>) -> Result<T, String> {
    result.map_err(|error| format!("{call}: {error}"))
}

fn compile(query: &LegacyQuery) -> Result<TraceQuery, String> {
    named("compiling the query", query.compile(usize::MAX))
}

/// The traces of chunks, in their order; one whose chunks are apart is there again.
pub(super) fn traces_of(chunks: &[TraceChunk]) -> Vec<u64> {
    let mut traces: Vec<_> = chunks.iter().map(|chunk| number_of(chunk.trace_id)).collect();
    traces.dedup();
    traces
}
