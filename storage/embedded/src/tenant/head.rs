use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard};

use spoor_store::ingest::Batch;

use crate::rows::Rows;

/// The spans of one log: in memory, because they are in no segment yet.
///
/// The active head is appended to; a frozen one waits to be written to a segment. What is
/// acknowledged is in both, the log and the rows; between the two it is pending.
#[derive(Debug)]
pub(crate) struct Head {
    number: u64,
    rows: RwLock<Rows>,
    /// What the rows take, for who must not wait for them.
    bytes: AtomicUsize,
    log_bytes: AtomicU64,
    arrival_min: AtomicU64,
    arrival_max: AtomicU64,
    pending: Mutex<usize>,
    settled: Condvar,
}

impl Head {
    /// The head of the log with this number, without spans.
    pub(crate) fn new(number: u64) -> Self {
        Self {
            number,
            rows: RwLock::default(),
            bytes: AtomicUsize::new(0),
            log_bytes: AtomicU64::new(0),
            arrival_min: AtomicU64::new(u64::MAX),
            arrival_max: AtomicU64::new(0),
            pending: Mutex::new(0),
            settled: Condvar::new(),
        }
    }

    /// The number of its log.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The rows. Who reads many of the active head gives them back now and then, because no
    /// write is acknowledged meanwhile.
    pub(crate) fn rows(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The memory that the rows take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The bytes of its log.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.log_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_log_bytes(&self, bytes: u64) {
        self.log_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The arrivals of its first and its last span, nanoseconds since the Unix epoch.
    pub(crate) fn arrivals(&self) -> (u64, u64) {
        (self.arrival_min.load(Ordering::Relaxed), self.arrival_max.load(Ordering::Relaxed))
    }

    /// A request that is in the log, and is to be appended here. It arrived then, in nanoseconds
    /// since the Unix epoch.
    pub(crate) fn expect(self: &Arc<Self>, arrival: u64) -> Pending {
        self.arrival_min.fetch_min(arrival, Ordering::Relaxed);
        self.arrival_max.fetch_max(arrival, Ordering::Relaxed);
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Pending { head: Arc::clone(self) }
    }

    /// Waits until nothing is pending. No more may be expected of a frozen head.
    pub(crate) fn settle(&self) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        while *pending > 0 {
            pending = self.settled.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether it holds nothing, and nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        *pending == 0 && self.rows().is_empty()
    }
}

/// A request that is in a head's log but not in its rows yet.
#[derive(Debug)]
pub(crate) struct Pending {
    head: Arc<Head>,
}

impl Pending {
    /// Makes its spans seen, all at once.
    pub(crate) fn append(self, batch: &Batch<'_>) {
        let mut rows = self.head.rows.write().unwrap_or_else(PoisonError::into_inner);
        rows.append(batch);
        self.head.bytes.store(rows.bytes(), Ordering::Relaxed);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut pending = self.head.pending.lock().unwrap_or_else(PoisonError::into_inner);
        *pending -= 1;
        if *pending == 0 {
            self.head.settled.notify_all();
        }
    }
}
