//! Reads: what they hold of the memory for queries, and where they wait for the disk.

use std::sync::{Arc, Weak};

use futures::stream::BoxStream;
use spoor_store::otlp::spans_of;
use spoor_store::trace::extent;
use spoor_store::{FoundTrace, ReadError, Tenant, TraceId};

use super::EmbeddedStore;
use crate::budget::Grant;
use crate::search;
use crate::stream::{Sink, Stop, stream};
use crate::tenant::Snapshot;

impl EmbeddedStore {
    /// A stream of what the work puts, from what the tenant has once memory was granted: who waits
    /// for that keeps no head in memory.
    pub(super) fn stream<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&Snapshot, &Grant, &Sink<T>) -> Result<(), Stop> + Send + 'static,
    ) -> BoxStream<'static, Result<T, ReadError>> {
        let (shared, tenant) = (Arc::clone(&self.shared), tenant.clone());
        stream(Arc::clone(&self.shared.reads), move |grant, sink| {
            let snapshot = shared.get(&tenant).map(|tenant| tenant.snapshot());
            snapshot.map_or(Ok(()), |snapshot| work(&snapshot, grant, sink))
        })
    }

    /// Does the work on a thread where it may wait for the disk. It is told once nobody waits for
    /// it.
    pub(super) async fn answer<T: Default + Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&Snapshot, &Grant, &dyn Fn() -> bool) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let grant = self.shared.reads.grant().await?;
        let Some(tenant) = self.shared.get(tenant) else { return Ok(T::default()) };
        let waiting = Arc::new(());
        let caller: Weak<()> = Arc::downgrade(&waiting);
        let done = tokio::task::spawn_blocking(move || {
            work(&tenant.snapshot(), &grant, &|| caller.strong_count() == 0)
        });
        let done = done.await;
        drop(waiting);
        done.map_err(|error| ReadError::Unavailable(format!("the read ended early: {error}")))?
    }
}

/// Between which times the spans of each trace lie.
pub(super) fn found_traces(
    snapshot: &Snapshot,
    grant: &Grant,
    ids: &[TraceId],
    is_gone: &dyn Fn() -> bool,
) -> Result<Vec<FoundTrace>, ReadError> {
    let mut held = grant.list();
    held.resize(size_of::<FoundTrace>() * ids.len())?;
    let mut found = Vec::<FoundTrace>::with_capacity(ids.len());
    let read = search::for_each_fragment(snapshot, grant, ids, |trace_id, data| {
        if is_gone() {
            return Err(Stop::Gone);
        }
        let part = extent(trace_id, spans_of(&data));
        match found.last_mut().filter(|last| last.trace_id == trace_id) {
            Some(last) => {
                last.start = last.start.min(part.start);
                last.end = last.end.max(part.end);
            }
            None => found.push(part),
        }
        Ok(())
    });
    match read {
        Ok(()) => Ok(found),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Gone) => Err(ReadError::Unavailable("the read ended early".to_owned())),
    }
}
