//! The bounded in-memory engine, and the conformance suite's oracle: every other engine must
//! answer as this one does.
//!
//! It keeps each trace as the bytes it came in and searches by reading all of them, newest first.
//! It is bounded by traces and by bytes; beyond either it forgets whole traces, those that
//! arrived first. Nothing survives a restart.

mod catalogue;
mod search;
mod spans;
mod state;
mod trace;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use spoor_store::filter::{Filter, Predicate};
use spoor_store::ingest::{self, Written};
use spoor_store::otlp::SpanKind;
use spoor_store::trace::{CallSpan, DependencyCounts, Outline, Summarizer, TraceSummary, extent};
use spoor_store::{
    ChunkStream, Chunks, Dependency, FoundTrace, Operation, ReadError, SpanQuery, SpanStream,
    Store, SummaryStream, Tenant, TimeRange, TraceChunk, TraceId, TraceLookup, TraceQuery,
    TraceRank, Usage, WriteError,
};

use state::State;
use trace::Trace;

/// What the engine holds at most, all tenants together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of traces.
    pub traces: usize,
    /// The bytes of all traces, with what it takes to keep them.
    pub bytes: usize,
}

/// The in-memory engine.
#[derive(Debug)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
}

/// A trace with its id.
type Found = (TraceId, Arc<Trace>);

/// A trace that was found, with its place.
type Ranked = (TraceRank, Arc<Trace>);

impl MemoryStore {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Self { state: Arc::new(RwLock::new(State::new(limits))) }
    }

    // A panic while the lock was held is a defect of this crate; the state's changes are ordered
    // so that it stays readable, and answering beats failing every call from then on.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The traces that match, in order.
    fn search(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> impl Stream<Item = Result<Ranked, ReadError>> + use<> {
        self.evaluate(tenant, query.filter.clone(), move |traces, predicate, caller| {
            search::newest_matching(traces, predicate, &query, caller)
        })
    }

    /// What a search finds in a snapshot, away from the async workers.
    fn evaluate<T, S>(
        &self,
        tenant: &Tenant,
        filter: Filter,
        search: S,
    ) -> impl Stream<Item = Result<T::Item, ReadError>> + use<T, S>
    where
        T: IntoIterator<IntoIter: Send, Item: Send> + Send + 'static,
        S: FnOnce(Vec<Found>, &Predicate, &Caller) -> T + Send + 'static,
    {
        let state = Arc::clone(&self.state);
        let tenant = tenant.clone();
        let search = async move {
            let predicate = Predicate::compile(&filter)?;
            blocking(move |caller| {
                let traces = state.read().unwrap_or_else(PoisonError::into_inner).snapshot(&tenant);
                search(traces, &predicate, caller)
            })
            .await
        };
        stream::once(search).map_ok(|found| stream::iter(found.into_iter().map(Ok))).try_flatten()
    }
}

/// Tells work on another thread whether somebody still waits for it.
#[derive(Debug)]
struct Caller(Weak<()>);

impl Caller {
    fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// Does the work on a thread where it may take long. Its caller is gone once this future is
/// dropped.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&Caller) -> T + Send + 'static,
) -> Result<T, ReadError> {
    let waiting = Arc::new(());
    let caller = Caller(Arc::downgrade(&waiting));
    let done = tokio::task::spawn_blocking(move || work(&caller)).await;
    drop(waiting);
    done.map_err(|error| ReadError::Unavailable(format!("the search ended early: {error}")))
}

fn chunks((trace_id, trace): Found) -> impl Iterator<Item = Result<TraceChunk, ReadError>> {
    Chunks::new(trace.fragments().to_vec()).map(move |data| Ok(TraceChunk { trace_id, data }))
}

fn summarize((rank, trace): Ranked) -> TraceSummary {
    let mut summarizer = Summarizer::new(rank);
    trace.spans().for_each(|span| summarizer.add(&Outline::from(&span)));
    summarizer.finish()
}

#[async_trait]
impl Store for MemoryStore {
    async fn write(&self, tenant: &Tenant, request: Bytes) -> Result<Written, WriteError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut batch = ingest::split(&request, u64::try_from(now).unwrap_or(u64::MAX))?;
        self.write_lock().insert(tenant, &mut batch);
        Ok(batch.written())
    }

    fn get_traces(&self, tenant: &Tenant, lookups: Vec<TraceLookup>) -> ChunkStream {
        let found = self.read().get(tenant, lookups.iter().map(|lookup| lookup.trace_id));
        stream::iter(found.into_iter().flat_map(chunks)).boxed()
    }

    fn find_traces(&self, tenant: &Tenant, query: TraceQuery) -> ChunkStream {
        let found = self.search(tenant, query).map_ok(|(rank, trace)| (rank.trace_id, trace));
        found.map_ok(|found| stream::iter(chunks(found))).try_flatten().boxed()
    }

    async fn find_trace_ids(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> Result<Vec<FoundTrace>, ReadError> {
        self.search(tenant, query)
            .map_ok(|(rank, trace)| {
                extent(rank, trace.spans().map(|span| (span.span.start, span.span.end)))
            })
            .try_collect()
            .await
    }

    fn find_summaries(&self, tenant: &Tenant, query: TraceQuery) -> SummaryStream {
        self.search(tenant, query).map_ok(summarize).boxed()
    }

    fn find_spans(&self, tenant: &Tenant, query: SpanQuery) -> SpanStream {
        let filter = query.filter.clone();
        let search = move |traces: Vec<Found>, predicate: &Predicate, caller: &Caller| {
            spans::first_matching(&traces, predicate, &query, caller)
        };
        self.evaluate(tenant, filter, search).boxed()
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        Ok(self.read().catalogue(tenant).map_or_else(Vec::new, |catalogue| catalogue.services()))
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        let state = self.read();
        let catalogue = state.catalogue(tenant);
        Ok(catalogue.map_or_else(Vec::new, |catalogue| catalogue.operations(service, kind)))
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        let traces = self.read().snapshot(tenant);
        blocking(move |caller| {
            let mut counts = DependencyCounts::default();
            for (_, trace) in traces.iter().filter(|(_, trace)| trace.may_start_in(range)) {
                if caller.is_gone() {
                    break;
                }
                let spans: Vec<_> = trace.spans().map(|span| CallSpan::from(&span)).collect();
                counts.add(&spans, |span| *span, range);
            }
            counts.into_sorted()
        })
        .await
    }

    async fn purge(&self, tenant: &Tenant) -> Result<(), WriteError> {
        self.write_lock().purge(tenant);
        Ok(())
    }

    fn usage(&self) -> Usage {
        self.read().usage()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_ends_when_nobody_waits_for_it() {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (ended, has_ended) = mpsc::channel();
        let search = tokio::spawn(blocking(move |caller| {
            started.send(()).unwrap();
            while !caller.is_gone() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
        }));
        has_started.await.unwrap();
        search.abort();
        assert!(search.await.unwrap_err().is_cancelled());
        has_ended.recv_timeout(Duration::from_secs(30)).unwrap();
    }
}
