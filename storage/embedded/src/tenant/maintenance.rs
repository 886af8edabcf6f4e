//! The thread that makes segments: it flushes, deletes and merges, one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::ledger::RESERVE_BYTES;
use super::{Shared, compaction, flush};
use crate::error::MaintenanceError;
use crate::manifest::{FileName, Manifest};
use crate::metrics::Expiry;

/// How often, at most, ages are looked at.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// How often, at least.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often, at least, while reads hold more heads than they should.
const CALLING_PAUSE: Duration = Duration::from_millis(200);

/// Works until the room is stopped.
pub(super) fn run(shared: &Shared) {
    while !shared.room.is_stopped() {
        let turn = shared.room.turn();
        // Nobody waits for it, but the memory is not theirs.
        let is_too_much = shared.retired.bytes() > 2 * shared.options.head_bytes;
        let call = is_too_much.then(|| shared.demand.call());
        let pause = match step(shared) {
            Ok(worked) => {
                shared.set_failure(None);
                if worked {
                    shared.room.tell();
                    continue;
                }
                (shared.options.retention / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
            }
            Err(error) => {
                tracing::error!(dir = shared.dir, %error, "the store's maintenance goes on later");
                shared.set_failure(Some(error.to_string()));
                shared.metrics.task_failed();
                shared.options.retry
            }
        };
        let pause = if call.is_some() { pause.min(CALLING_PAUSE) } else { pause };
        shared.room.wait(turn, Instant::now() + pause);
    }
}

/// Does one piece of work. Tells whether there was some.
fn step(shared: &Shared) -> Result<bool, MaintenanceError> {
    // Files written while nobody knows which manifest counts could not be removed again.
    shared.ledger().settle(shared.disk.as_ref())?;
    // Before the flush, which may be waiting for the space.
    if expire(shared)? {
        return Ok(true);
    }
    let view = shared.view();
    if let [frozen, _, ..] = &view.heads[..] {
        flush::flush(shared, frozen)?;
        return Ok(true);
    }
    compaction::compact(shared)
}

/// Deletes the segments that are too old, and the oldest until the others have room.
fn expire(shared: &Shared) -> Result<bool, MaintenanceError> {
    let mut ledger = shared.ledger();
    let view = shared.view();
    let retention = u64::try_from(shared.options.retention.as_nanos()).unwrap_or(u64::MAX);
    let oldest = (shared.clock)().saturating_sub(retention);
    let mut excess = shared.excess_bytes();
    let (mut expired, mut expiries, mut traces) = (Vec::new(), Vec::new(), 0);
    for segment in &view.segments {
        let info = segment.info();
        if info.arrival_max < oldest || excess > 0 {
            let is_old = info.arrival_max < oldest;
            expiries.push(if is_old { Expiry::Age } else { Expiry::Size });
            excess = excess.saturating_sub(info.bytes);
            expired.push(info.number);
            traces += info.traces;
        }
    }
    if expired.is_empty() {
        return Ok(false);
    }
    let mut manifest: Manifest = ledger.manifest().clone();
    manifest.segments.retain(|segment| !expired.contains(&segment.number));
    manifest.next_file = shared.next_file();
    let files: Vec<_> = expired.iter().map(|number| FileName::Segment(*number)).collect();
    ledger.replace(shared.disk.as_ref(), manifest, files)?;
    shared.publish(|view| {
        view.segments.retain(|segment| !expired.contains(&segment.info().number));
    });
    shared.evicted.fetch_add(traces, Ordering::Relaxed);
    expiries.into_iter().for_each(|expiry| shared.metrics.deleted(expiry));
    tracing::info!(
        dir = shared.dir,
        segments = expired.len(),
        "deleted what was too old or too much"
    );
    Ok(true)
}

/// How often bytes of a request are counted: in the log, and in the segment beside it.
const LOGGED: u64 = 2;
/// What a directory has besides requests: the reserve, logs without any, and the manifest.
const BESIDE_REQUESTS: u64 = RESERVE_BYTES as u64 + (4 << 10);

/// The longest request that a disk's limit ever has room for.
pub(crate) fn longest_request(disk_bytes: u64) -> u64 {
    disk_bytes.saturating_sub(BESIDE_REQUESTS) / LOGGED
}

impl Shared {
    pub(super) fn longest_request(&self) -> u64 {
        longest_request(self.options.disk_bytes)
    }

    /// Tells the maintenance for how many bytes of requests a writer waits.
    pub(super) fn want(&self, bytes: u64) {
        self.wanted.store(LOGGED * bytes, Ordering::Relaxed);
    }

    /// Whether there is nothing to be done.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn is_idle(&self) -> bool {
        let view = self.view();
        view.heads.len() == 1 && compaction::choose(&view.segments, self).is_none()
    }

    /// Whether so many more bytes of requests may be logged.
    pub(super) fn has_disk_for(&self, bytes: u64) -> bool {
        self.needed_bytes() + LOGGED * bytes <= self.options.disk_bytes
    }

    /// Whether a file of so many bytes may be written.
    pub(super) fn has_disk_for_file(&self, bytes: u64) -> bool {
        self.needed_bytes() + bytes <= self.options.disk_bytes
    }

    /// What the directory will take once all that is logged is in segments beside its log.
    pub(super) fn needed_bytes(&self) -> u64 {
        let view = self.view();
        let others = [&self.reserved, &self.garbage_bytes].map(|it| it.load(Ordering::Relaxed));
        RESERVE_BYTES as u64 + view.disk_bytes() + view.log_bytes() + others.iter().sum::<u64>()
    }

    /// Counts bytes of a file that is being written, until what this gives is dropped.
    pub(super) fn reserve(&self, bytes: u64) -> impl Drop + use<'_> {
        self.reserved.fetch_add(bytes, Ordering::Relaxed);
        Reserved { shared: self, bytes }
    }

    /// By how much segments have to become less, so that neither writes nor the next merge have to
    /// wait: without merges there would be more and more segments.
    fn excess_bytes(&self) -> u64 {
        let merge = compaction::due_bytes(&self.view().segments, self);
        let wanted = self.wanted.load(Ordering::Relaxed);
        let spare = wanted.max(2 * self.options.log_bytes).max(merge);
        (self.needed_bytes() + spare).saturating_sub(self.options.disk_bytes)
    }
}

struct Reserved<'s> {
    shared: &'s Shared,
    bytes: u64,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.shared.reserved.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Starts the thread.
pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<std::thread::JoinHandle<()>> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name("maintenance".to_owned()).spawn(move || run(&shared))
}
