//! The embedded engine keeps every rule of the store's contract, wherever its spans are.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::ingest::Written;
use spoor_store::otlp::SpanKind;
use spoor_store::{
    ChunkStream, Dependency, FoundTrace, Operation, ReadError, SpanQuery, SpanStream, Store,
    SummaryStream, Tenant, TimeRange, TraceLookup, TraceQuery, Usage, WriteError, conformance,
};
use tempfile::TempDir;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn store() -> EmbeddedStore {
    EmbeddedStore::open_on(Arc::new(SimulatedDisk::new(1)), Options::default(), now).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_kept_by_heads() {
    let violations = conformance::run(|| Arc::new(store())).await;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_kept_by_segments() {
    let violations = conformance::run(|| Arc::new(Segments(store()))).await;
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_is_kept_on_a_real_disk() {
    let directory = TempDir::new().unwrap();
    let numbers = std::sync::atomic::AtomicU64::new(0);
    let violations = conformance::run(|| {
        let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = directory.path().join(number.to_string());
        Arc::new(EmbeddedStore::open(&directory, Options::default()).unwrap())
    })
    .await;
    assert!(violations.is_empty(), "{violations:#?}");
}

/// The engine, with every write in a segment of its own before it is acknowledged.
#[derive(Debug)]
struct Segments(EmbeddedStore);

#[async_trait]
impl Store for Segments {
    async fn write(&self, tenant: &Tenant, request: Bytes) -> Result<Written, WriteError> {
        let written = self.0.write(tenant, request).await?;
        self.0.settle().await?;
        Ok(written)
    }

    fn get_traces(&self, tenant: &Tenant, lookups: Vec<TraceLookup>) -> ChunkStream {
        self.0.get_traces(tenant, lookups)
    }

    fn find_traces(&self, tenant: &Tenant, query: TraceQuery) -> ChunkStream {
        self.0.find_traces(tenant, query)
    }

    async fn find_trace_ids(
        &self,
        tenant: &Tenant,
        query: TraceQuery,
    ) -> Result<Vec<FoundTrace>, ReadError> {
        self.0.find_trace_ids(tenant, query).await
    }

    fn find_summaries(&self, tenant: &Tenant, query: TraceQuery) -> SummaryStream {
        self.0.find_summaries(tenant, query)
    }

    fn find_spans(&self, tenant: &Tenant, query: SpanQuery) -> SpanStream {
        self.0.find_spans(tenant, query)
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        self.0.services(tenant).await
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        self.0.operations(tenant, service, kind).await
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        self.0.dependencies(tenant, range).await
    }

    async fn purge(&self, tenant: &Tenant) -> Result<(), WriteError> {
        self.0.purge(tenant).await
    }

    fn usage(&self) -> Usage {
        self.0.usage()
    }
}
