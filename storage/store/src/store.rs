use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::ingest::Written;
use crate::otlp::SpanKind;
use crate::trace::TraceSummary;
use crate::{ReadError, SpanKey, SpanQuery, Tenant, TimeRange, TraceId, TraceQuery, WriteError};

/// A storage engine. The crate's documentation states the rules it keeps.
///
/// Streams are lazy: an engine works as fast as its caller reads, and dropping a stream ends the
/// work. A stream ends after its first error.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Keeps the good spans of an `ExportTraceServiceRequest`.
    async fn write(&self, tenant: &Tenant, request: Bytes) -> Result<Written, WriteError>;

    /// The bytes of the longest request that it takes, if that is for the engine to bound.
    fn longest_request(&self) -> usize {
        usize::MAX
    }

    /// The traces asked for that exist, each once, in the order of the request.
    fn get_traces(&self, tenant: &Tenant, lookups: Vec<TraceLookup>) -> ChunkStream;

    /// The traces that match.
    fn find_traces(&self, tenant: &Tenant, query: TraceQuery) -> ChunkStream;

    /// The ids of the traces that match, with the times of their first start and last end.
    async fn find_trace_ids(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> Result<Vec<FoundTrace>, ReadError>;

    /// A summary of each trace that matches.
    fn find_summaries(&self, tenant: &Tenant, query: TraceQuery) -> SummaryStream;

    /// The spans that match, in the order of the query.
    fn find_spans(&self, tenant: &Tenant, query: SpanQuery) -> SpanStream;

    /// The names of the services that have spans, sorted. A missing or empty name is left out.
    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError>;

    /// The operations of a service, of one kind or of every kind, sorted.
    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError>;

    /// Calls between services whose child span starts within the range, sorted by parent, child.
    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError>;

    /// Forgets everything of the tenant.
    async fn purge(&self, tenant: &Tenant) -> Result<(), WriteError>;

    /// What the engine holds, all tenants together.
    fn usage(&self) -> Usage;
}

/// A stream of trace chunks: see the crate's documentation for their rules.
pub type ChunkStream = BoxStream<'static, Result<TraceChunk, ReadError>>;

/// A stream of trace summaries.
pub type SummaryStream = BoxStream<'static, Result<TraceSummary, ReadError>>;

/// A stream of spans.
pub type SpanStream = BoxStream<'static, Result<FoundSpan, ReadError>>;

/// A part of one trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceChunk {
    /// The trace of every span in the chunk.
    pub trace_id: TraceId,
    /// An encoded `TracesData`.
    pub data: Bytes,
}

/// A trace asked for by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceLookup {
    /// The trace's id.
    pub trace_id: TraceId,
    /// Where the trace's times are thought to lie. Only a hint.
    pub hint: TimeRange,
}

/// A trace that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundTrace {
    /// The trace's id.
    pub trace_id: TraceId,
    /// The earliest start of its spans, nanoseconds since the Unix epoch.
    pub start: u64,
    /// The latest end of its spans, nanoseconds since the Unix epoch.
    pub end: u64,
    /// The latest start of its matching spans, nanoseconds since the Unix epoch.
    pub matched: u64,
}

/// A span that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSpan {
    /// What it is ordered by.
    pub key: SpanKey,
    /// The span with its resource and scope, an encoded `TracesData`.
    pub data: Bytes,
}

/// A kind of work that a service does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The span name.
    pub name: String,
    /// The span kind.
    pub kind: SpanKind,
}

/// How often one service called another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The calling service.
    pub parent: String,
    /// The called service.
    pub child: String,
    /// The number of child spans.
    pub calls: u64,
}

/// What an engine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of traces held. One whose spans lie in several places of the engine may count in
    /// each of them.
    pub traces: u64,
    /// The number of spans held.
    pub spans: u64,
    /// The bytes they take.
    pub bytes: u64,
    /// The number of traces given up for space since the start.
    pub evicted_traces: u64,
}
