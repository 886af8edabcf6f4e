//! One tenant's spans: a directory, a thread that logs writes, and one that makes segments.

mod catalogue;
mod compaction;
mod flush;
mod head;
mod ledger;
mod maintenance;
mod memory;
mod open;
mod retired;
mod room;
mod view;
mod writer;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use spoor_store::ingest::{self, Written};
use spoor_store::{Usage, WriteError};
use tokio::sync::oneshot;

use crate::demand::Demand;
use crate::disk::Disk;
use crate::log::MAX_PAYLOAD;
use crate::metrics::{Holdings, Metrics};
use crate::options::Options;
use ledger::Ledger;
use memory::Estimate;
use retired::Retired;
use room::Room;
use view::View;
use writer::{Job, Reply, Write};

pub(crate) use catalogue::add as add_to_catalogue;
pub(crate) use head::Head;
pub(crate) use maintenance::longest_request;
pub(crate) use view::Snapshot;

/// The time, in nanoseconds since the Unix epoch.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a span takes in a batch, about, with the room that lists have to grow.
const SPLIT_SPAN_BYTES: u64 = 128;

/// A tenant whose directory is open.
#[derive(Debug)]
pub(crate) struct Tenant {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads and the reads share.
pub(crate) struct Shared {
    disk: Arc<dyn Disk>,
    dir: String,
    options: Options,
    clock: Clock,
    view: RwLock<Arc<View>>,
    retired: Retired,
    /// Calls for what reads hold.
    demand: Demand,
    // Held while the manifest is replaced. Who holds it may change the view, not the other way.
    ledger: Mutex<Ledger>,
    next_file: AtomicU64,
    room: Room,
    metrics: Arc<Metrics>,
    /// Traces that were deleted since the start.
    evicted: AtomicU64,
    /// The bytes of a file that is being written.
    reserved: AtomicU64,
    /// The bytes of files that are not needed but could not be removed.
    garbage_bytes: Arc<AtomicU64>,
    /// The bytes of disk that a writer waits for.
    wanted: AtomicU64,
    /// Who waits for everything to be forgotten.
    purges: Mutex<Vec<Reply>>,
    /// Segments that could not be read when they were merged, and until when they are left alone.
    avoided: Mutex<HashMap<u64, Instant>>,
    /// What the maintenance failed of last.
    failure: Mutex<Option<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Tenant {
    /// Keeps the good spans of an export request.
    pub(crate) async fn write(&self, request: Bytes) -> Result<Written, WriteError> {
        if request.len() > MAX_PAYLOAD {
            let bytes = request.len();
            let reason = format!("its {bytes} bytes are more than a log's {MAX_PAYLOAD}");
            return Err(WriteError::TooLarge(reason));
        }
        let longest = self.shared.longest_request();
        if request.len() as u64 > longest {
            let bytes = request.len();
            let reason = format!(
                "its {bytes} bytes are more than {longest}, for which the disk's limit has room"
            );
            return Err(WriteError::TooLarge(reason));
        }
        let arrival = (self.shared.clock)();
        let (reply, replied) = oneshot::channel();
        // Checked in full before it is logged.
        let batch = ingest::split(&request, arrival)?;
        let written = batch.written();
        let spans = written.total().accepted;
        if spans == 0 {
            return Ok(written);
        }
        // What waits is not to take much more than its bytes: of small spans the batch would.
        let batch = (spans * SPLIT_SPAN_BYTES <= request.len() as u64).then_some(batch);
        let (estimate, since) = (Estimate::of(spans, &request), Instant::now());
        let write = Write { request: request.clone(), arrival, estimate, since, reply };
        self.jobs.send(Job::Write(write)).map_err(|_| closed())?;
        let pending = replied.await.map_err(|_| closed())??;
        pending.append(&batch.map_or_else(|| ingest::split(&request, arrival), Ok)?);
        Ok(written)
    }

    /// Forgets everything. Writes that wait for room let it pass: it is what makes room.
    pub(crate) async fn purge(&self) -> Result<(), WriteError> {
        let (reply, replied) = oneshot::channel();
        self.shared.purges.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
        self.shared.room.tell();
        self.jobs.send(Job::Purge).map_err(|_| closed())?;
        replied.await.map_err(|_| closed())?
    }

    /// Begins a new head, so that all that was written before goes into a segment soon.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) async fn freeze(&self) -> Result<(), WriteError> {
        self.ask(Job::Freeze).await
    }

    #[cfg(any(test, feature = "simulation"))]
    async fn ask(&self, job: impl FnOnce(writer::Reply) -> Job) -> Result<(), WriteError> {
        let (reply, replied) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| closed())?;
        replied.await.map_err(|_| closed())?
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.shared.view().snapshot(&self.shared.metrics)
    }

    /// What it holds. A trace counts once in each block and each head that has spans of it.
    pub(crate) fn usage(&self) -> Usage {
        let view = self.shared.view();
        let segments = view.segments.iter().map(|segment| segment.info());
        let (mut traces, mut spans) = segments
            .fold((0, 0), |(traces, spans), info| (traces + info.traces, spans + info.spans));
        for head in &view.heads {
            let rows = head.rows();
            traces += u64::from(rows.traces());
            spans += u64::from(rows.len());
        }
        let evicted_traces = self.shared.evicted.load(Ordering::Relaxed);
        Usage { traces, spans, bytes: view.disk_bytes(), evicted_traces }
    }

    /// What it holds, by kind.
    pub(crate) fn holdings(&self) -> Holdings {
        let view = self.shared.view();
        let (bytes, log_bytes) = (view.disk_bytes(), view.log_bytes());
        Holdings {
            log_bytes,
            segment_bytes: bytes - log_bytes,
            segments: view.segments.len() as u64,
            heads: view.heads.len() as u64,
            head_bytes: view.heads.iter().map(|head| head.bytes() as u64).sum::<u64>()
                + self.shared.retired.bytes() as u64,
            read_bytes: 0,
        }
    }

    /// Waits until no head is frozen and nothing is to be merged, or that fails.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) fn wait_until_idle(&self) -> Result<(), WriteError> {
        let (shared, room) = (&self.shared, &self.shared.room);
        shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        loop {
            let turn = room.turn();
            if shared.is_idle() {
                return Ok(());
            }
            let failure = shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(failure) = failure {
                return Err(WriteError::Unavailable(failure));
            }
            // A failure is not told to those who wait.
            let soon = Instant::now() + std::time::Duration::from_millis(20);
            room.wait(turn, soon);
        }
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        // A thread that has ended already was told before.
        let _ = self.jobs.send(Job::Stop);
        self.shared.room.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(dir = self.shared.dir, "a thread of the store panicked");
            }
        }
    }
}

fn closed() -> WriteError {
    WriteError::Unavailable("the store is closed".to_owned())
}

impl Shared {
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the view by a changed one.
    fn publish(&self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut view));
    }

    fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// What the maintenance failed of, if it did the last time.
    fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no file of the directory has had.
    fn next_file(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of a segment that is made of what is in the view. A purge that comes later
    /// stores a manifest whose next file is beyond it, so that it is never taken for a newer one.
    fn number_of_next(&self, is_there: impl Fn(&View) -> bool) -> Option<u64> {
        let _ledger = self.ledger();
        is_there(&self.view()).then(|| self.next_file())
    }
}
