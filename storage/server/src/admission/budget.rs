use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::Status;

use super::{MAX_WAIT, RETRY_AFTER, overloaded};

/// A number of bytes that requests share. Clones share it too.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    bytes: Arc<Semaphore>,
    total: usize,
}

impl Budget {
    pub(crate) fn new(total: usize) -> Self {
        Self { bytes: Arc::new(Semaphore::new(total)), total }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// The bytes taken at present.
    pub(crate) fn taken(&self) -> u64 {
        (self.total - self.bytes.available_permits()) as u64
    }

    /// Takes so many bytes, or waits a little for them.
    pub(super) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        let acquire = Arc::clone(&self.bytes).acquire_many_owned(permits(bytes)?);
        match timeout(MAX_WAIT, acquire).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(self.exhausted()),
        }
    }

    /// Takes so many bytes if they are free: whoever holds some must not wait for more, or two
    /// such would wait for each other.
    pub(super) fn take_now(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        let acquired = Arc::clone(&self.bytes).try_acquire_many_owned(permits(bytes)?);
        acquired.map_err(|_| self.exhausted())
    }

    fn exhausted(&self) -> Status {
        let total = self.total;
        overloaded(format!("the {total} bytes for requests in flight are taken"), RETRY_AFTER)
    }
}

fn permits(bytes: usize) -> Result<u32, Status> {
    u32::try_from(bytes).map_err(|_| Status::invalid_argument("the request is too large"))
}
