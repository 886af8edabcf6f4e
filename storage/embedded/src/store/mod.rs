//! The engine as callers see it: the `Store` over the tenants' directories.

mod directory;
mod open;
mod read;
#[cfg(any(test, feature = "simulation"))]
mod simulation;
mod tenant_name;
mod tenants;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use prometheus_client::registry::Registry;
use spoor_store::ingest::Written;
use spoor_store::otlp::SpanKind;
use spoor_store::{
    ChunkStream, Dependency, FoundTrace, Operation, ReadError, SpanQuery, SpanStream, Store,
    SummaryStream, Tenant, TimeRange, TraceChunk, TraceId, TraceLookup, TraceQuery, Usage,
    WriteError,
};
use tokio::sync::{Mutex, watch};

use crate::budget::ReadBudget;
use crate::demand::Demand;
use crate::disk::Disk;
use crate::ephemeral::EphemeralDirectory;
use crate::log::MAX_PAYLOAD;
use crate::metrics::{Holdings, Metrics};
use crate::options::Options;
use crate::search;
use crate::tenant::{self, Clock, longest_request};
pub(crate) use directory::{LOCK, OWNERS, lock, lock_to_read};
pub(crate) use tenant_name::{TENANT, decode_name};

/// What a trace that is asked for takes, about: itself, its id in the order of the request, and in
/// a set.
const LOOKUP_BYTES: usize = size_of::<TraceLookup>() + 3 * size_of::<TraceId>();
/// The engine over a directory. Its work ends when it is dropped.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    options: Options,
    clock: Clock,
    tenants: RwLock<HashMap<Tenant, Arc<tenant::Tenant>>>,
    /// Held while a tenant is made.
    making: Mutex<()>,
    metrics: Arc<Metrics>,
    reads: Arc<ReadBudget>,
    /// Held for as long as the store is open.
    _lock: Option<File>,
    /// Removed after all that is in it was closed.
    _ephemeral: Option<EphemeralDirectory>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("disk", &self.disk).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Registers the engine's metrics, whose names begin with `store_` behind the registry's
    /// prefix. To be called once.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let shared = Arc::downgrade(&self.shared);
        let holdings = move || shared.upgrade().map_or_else(Holdings::default, |it| it.holdings());
        self.shared.metrics.register(registry, holdings);
    }

    /// The calls of queries that wait for memory. Who leaves an answer unread, and so holds memory
    /// that it does not use, is to drop it when it hears one.
    pub fn read_demand(&self) -> Demand {
        self.shared.reads.demand()
    }

    /// Why no writes can be taken at present; none while they can. The store finds by itself when
    /// they can be taken again; reads go on all the time.
    pub fn read_only(&self) -> watch::Receiver<Option<String>> {
        self.shared.metrics.read_only.watch()
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn write(&self, tenant: &Tenant, request: Bytes) -> Result<Written, WriteError> {
        let (shared, tenant) = (Arc::clone(&self.shared), tenant.clone());
        // What is logged must be seen, also when nobody waits for the answer any more.
        let write = async move { shared.get_or_make(&tenant).await?.write(request).await };
        let written = tokio::spawn(write).await.unwrap_or_else(|error| {
            Err(WriteError::Unavailable(format!("the write failed: {error}")))
        });
        written.inspect_err(|error| self.shared.metrics.rejected(error))
    }

    fn longest_request(&self) -> usize {
        let longest = longest_request(self.shared.options.disk_bytes);
        usize::try_from(longest).unwrap_or(usize::MAX).min(MAX_PAYLOAD)
    }

    fn get_traces(&self, tenant: &Tenant, lookups: Vec<TraceLookup>) -> ChunkStream {
        self.stream(tenant, move |snapshot, grant, sink| {
            let mut held = grant.list();
            held.resize(lookups.len() * LOOKUP_BYTES)?;
            let mut seen = HashSet::new();
            let ids = lookups.into_iter().map(|lookup| lookup.trace_id);
            let ids: Vec<_> = ids.filter(|id| seen.insert(*id)).collect();
            search::for_each_fragment(snapshot, grant, &ids, |trace_id, data| {
                Ok(sink.put(TraceChunk { trace_id, data })?)
            })
        })
    }

    fn find_traces(&self, tenant: &Tenant, query: TraceQuery) -> ChunkStream {
        self.stream(tenant, move |snapshot, grant, sink| {
            let found = search::find(snapshot, grant, &query, || sink.is_gone())?;
            search::for_each_fragment(snapshot, grant, found.ids(), |trace_id, data| {
                Ok(sink.put(TraceChunk { trace_id, data })?)
            })
        })
    }

    async fn find_trace_ids(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> Result<Vec<FoundTrace>, ReadError> {
        self.answer(tenant, move |snapshot, grant, is_gone| {
            let found = search::find(snapshot, grant, &query, is_gone)?;
            search::extents(snapshot, grant, &found, is_gone).map_err(ReadError::from)
        })
        .await
    }

    fn find_summaries(&self, tenant: &Tenant, query: TraceQuery) -> SummaryStream {
        self.stream(tenant, move |snapshot, grant, sink| {
            let found = search::find(snapshot, grant, &query, || sink.is_gone())?;
            search::for_each_summary(snapshot, grant, &found, |summary| Ok(sink.put(summary)?))
        })
    }

    fn find_spans(&self, tenant: &Tenant, query: SpanQuery) -> SpanStream {
        self.stream(tenant, move |snapshot, grant, sink| {
            let is_gone = || sink.is_gone();
            search::find_spans(snapshot, grant, &query, &is_gone, |span| Ok(sink.put(span)?))
        })
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        self.answer(tenant, |snapshot, grant, _| search::services(snapshot, grant)).await
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        let service = service.to_owned();
        self.answer(tenant, move |snapshot, grant, _| {
            search::operations(snapshot, grant, &service, kind)
        })
        .await
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        self.answer(tenant, move |snapshot, grant, is_gone| {
            search::dependencies(snapshot, grant, range, is_gone)
        })
        .await
    }

    async fn purge(&self, tenant: &Tenant) -> Result<(), WriteError> {
        match self.shared.get(tenant) {
            Some(tenant) => tenant.purge().await,
            None => Ok(()),
        }
    }

    fn usage(&self) -> Usage {
        self.shared.all().iter().map(|tenant| tenant.usage()).fold(
            Usage::default(),
            |sum, usage| Usage {
                traces: sum.traces + usage.traces,
                spans: sum.spans + usage.spans,
                bytes: sum.bytes + usage.bytes,
                evicted_traces: sum.evicted_traces + usage.evicted_traces,
            },
        )
    }
}
