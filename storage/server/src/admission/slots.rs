use std::sync::Arc;

use spoor_embedded::Demand;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::Status;

use super::{MAX_WAIT, RETRY_AFTER, overloaded};

/// How many requests of a kind are answered at one time.
#[derive(Clone)]
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    /// What is told who finds none.
    none_free: &'static str,
    demand: Demand,
}

/// A request's slot, free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    /// The calls of those who wait for a slot, or for memory of the store.
    pub(super) demand: Demand,
}

impl Slots {
    /// `demand` has the calls of those who wait for something else that answers hold.
    pub(crate) fn new(slots: usize, none_free: &'static str, demand: Demand) -> Self {
        Self { free: Arc::new(Semaphore::new(slots)), none_free, demand }
    }

    /// Waits a little for a slot, and calls for one that an answer holds which nobody reads.
    pub(super) async fn take(&self) -> Result<Slot, Status> {
        let permit = timeout(MAX_WAIT, self.demand.take(&self.free)).await;
        let permit = permit.map_err(|_| overloaded(self.none_free, RETRY_AFTER))?;
        Ok(Slot { _permit: permit, demand: self.demand.clone() })
    }
}
