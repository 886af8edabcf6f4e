use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

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
    expected: Mutex<Expected>,
    /// Told whenever less is pending.
    appended: Condvar,
}

/// What is pending.
#[derive(Debug, Default)]
struct Expected {
    requests: usize,
    /// What they are expected to take in memory.
    bytes: usize,
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
            expected: Mutex::default(),
            appended: Condvar::new(),
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

    /// The memory that pending requests are expected to take.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.expected().bytes
    }

    /// Whether requests are pending.
    pub(crate) fn is_pending(&self) -> bool {
        self.expected().requests > 0
    }

    fn expected(&self) -> MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// since the Unix epoch, and is expected to take so much memory.
    pub(crate) fn expect(self: &Arc<Self>, arrival: u64, bytes: usize) -> Pending {
        self.arrival_min.fetch_min(arrival, Ordering::Relaxed);
        self.arrival_max.fetch_max(arrival, Ordering::Relaxed);
        let mut expected = self.expected();
        expected.requests += 1;
        expected.bytes += bytes;
        Pending { head: Arc::clone(self), bytes }
    }

    /// Waits until nothing is pending. No more may be expected of a frozen head.
    pub(crate) fn settle(&self) {
        let mut expected = self.expected();
        while expected.requests > 0 {
            expected = self.appended.wait(expected).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until less is pending, or nothing, but not beyond the time.
    pub(crate) fn wait_for_append(&self, until: Instant) {
        let mut expected = self.expected();
        let before = expected.requests;
        while expected.requests > 0 && expected.requests >= before {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.appended.wait_timeout(expected, left);
            (expected, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether it holds nothing, and nothing is pending.
    pub(crate) fn is_empty(&self) -> bool {
        let expected = self.expected();
        expected.requests == 0 && self.rows().is_empty()
    }
}

/// A request that is in a head's log but not in its rows yet.
#[derive(Debug)]
pub(crate) struct Pending {
    head: Arc<Head>,
    /// What it is expected to take.
    bytes: usize,
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
        let mut expected = self.head.expected();
        expected.requests -= 1;
        expected.bytes -= self.bytes;
        self.head.appended.notify_all();
    }
}
