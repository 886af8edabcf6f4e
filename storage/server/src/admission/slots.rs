use std::sync::Arc;

use spoor_embedded::Demand;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many requests of a kind are answered at one time.
#[derive(Clone)]
pub(crate) struct Slots {
    free: Arc<Semaphore>,
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
    pub(crate) fn new(slots: usize, demand: Demand) -> Self {
        Self { free: Arc::new(Semaphore::new(slots)), demand }
    }

    /// Waits for a slot, and calls for one that an answer holds which nobody reads.
    pub(super) async fn take(&self) -> Slot {
        let permit = self.demand.take(&self.free).await;
        Slot { _permit: permit, demand: self.demand.clone() }
    }
}
