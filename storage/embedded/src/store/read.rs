//! Reads: what they hold of the memory for queries, and where they wait for the disk.

use std::sync::{Arc, Weak};

use futures::stream::BoxStream;
use spoor_store::{ReadError, Tenant};
use tracing::Span;

use super::EmbeddedStore;
use crate::budget::Grant;
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
        let span = Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _entered = span.enter();
            work(&tenant.snapshot(), &grant, &|| caller.strong_count() == 0)
        });
        let done = done.await;
        drop(waiting);
        done.map_err(|error| ReadError::Unavailable(format!("the read ended early: {error}")))?
    }
}
