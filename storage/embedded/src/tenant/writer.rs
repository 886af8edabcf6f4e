//! The thread that logs writes: it takes all that wait, writes them at once, and syncs once.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use spoor_store::WriteError;
use tokio::sync::oneshot;

use super::Shared;
use super::head::{Head, Pending};
use super::memory::{Estimate, Memory};
use crate::log::{LogError, LogWriter, Record};
use crate::manifest::{FileName, Manifest};
use crate::options::Durability;

/// What is logged at once at most, in bytes of requests, unless a single one is larger.
const GROUP_BYTES: usize = 8 << 20;
/// And in requests.
const GROUP_WRITES: usize = 256;
/// When a write that was refused for want of space may be tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum Job {
    Write(Write),
    /// To look at who waits for a purge.
    Purge,
    #[cfg(any(test, feature = "simulation"))]
    Freeze(Reply),
    Stop,
}

pub(crate) type Reply = oneshot::Sender<Result<(), WriteError>>;

/// A request to be logged.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) request: Bytes,
    /// Nanoseconds since the Unix epoch.
    pub(crate) arrival: u64,
    pub(crate) estimate: Estimate,
    /// Since when it waits.
    pub(crate) since: Instant,
    pub(crate) reply: oneshot::Sender<Result<Pending, WriteError>>,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    head: Arc<Head>,
    /// None after it failed, until another could be begun.
    log: Option<LogWriter>,
    /// When the head got its first span.
    begun: Option<Instant>,
    /// When the log was last synced, if it has to be by time.
    synced: Instant,
    /// Until when the disk is left alone, and why.
    failed: Option<(Instant, String)>,
    /// Whether writes were refused because no segment can be written, and when to look again.
    stuck: Option<Instant>,
}

impl Writer {
    /// Of the active head and its log; if that could not be begun, the reason.
    pub(crate) fn new(
        shared: Arc<Shared>,
        jobs: Receiver<Job>,
        head: Arc<Head>,
        log: Result<LogWriter, LogError>,
    ) -> Self {
        let synced = Instant::now();
        let (begun, failed, stuck) = (None, None, None);
        let mut writer = Self { shared, jobs, head, log: None, begun, synced, failed, stuck };
        match log {
            Ok(log) => writer.log = Some(log),
            Err(error) => drop(writer.give_up(&error)),
        }
        writer
    }

    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut next = None;
        loop {
            let job = match (next.take(), self.next_deadline()) {
                (Some(job), _) => Ok(job),
                (None, None) => self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                (None, Some(at)) => {
                    self.jobs.recv_timeout(at.saturating_duration_since(Instant::now()))
                }
            };
            match job {
                Ok(Job::Write(write)) => next = self.commit(write),
                Ok(Job::Purge) => {
                    self.purge_if_asked();
                }
                #[cfg(any(test, feature = "simulation"))]
                Ok(Job::Freeze(reply)) => drop(reply.send(self.freeze())),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.keep_time();
        }
        if let Some(log) = &mut self.log
            && let Err(error) = log.sync()
        {
            tracing::error!(%error, "the last writes may be lost in a power cut");
        }
    }

    /// When there is something to do without being asked.
    fn next_deadline(&self) -> Option<Instant> {
        let age = self.begun.map(|begun| begun + self.shared.options.head_age);
        let retry = self.failed.as_ref().map(|(until, _)| *until);
        [age, self.next_sync(), retry, self.stuck].into_iter().flatten().min()
    }

    /// When the log has to be synced by time.
    fn next_sync(&self) -> Option<Instant> {
        let unsynced = self.log.as_ref().map_or(0, LogWriter::unsynced);
        match self.shared.options.durability {
            Durability::Async(interval) if unsynced > 0 => Some(self.synced + interval),
            _ => None,
        }
    }

    /// Syncs the log if it is time.
    fn keep_synced(&mut self) {
        let now = Instant::now();
        if self.next_sync().is_some_and(|at| now >= at) {
            self.synced = now;
            let synced = self.log.as_mut().map_or(Ok(()), LogWriter::sync);
            if let Err(error) = synced {
                self.give_up(&error);
            }
        }
    }

    fn keep_time(&mut self) {
        self.keep_synced();
        let now = Instant::now();
        if self.failed.as_ref().is_some_and(|(until, _)| now >= *until) {
            // Nobody has to write for the store to find that it can. If it cannot, it knows why.
            let _ = self.begin_again();
        }
        if self.stuck.is_some_and(|until| now >= until) {
            self.look_again();
        }
        let is_old = self.begun.is_some_and(|begun| now >= begun + self.shared.options.head_age);
        if (is_old || self.is_full()) && self.may_rotate() {
            // If it cannot be done now, the next write or the next time finds the same.
            if self.rotate().is_err() {
                self.begun = self.begun.map(|_| now);
            }
        }
    }

    /// Logs this write and those that wait behind it. Gives back the first job that is not done
    /// with them.
    fn commit(&mut self, first: Write) -> Option<Job> {
        // There is room for a request that is not refused at once, but maybe not for several.
        let most = (self.shared.longest_request() as usize / 4).min(GROUP_BYTES);
        let memory = self.memory();
        let (mut bytes, mut estimate) = (first.request.len(), first.estimate);
        let (mut writes, mut other) = (vec![first], None);
        while bytes < most && writes.len() < GROUP_WRITES {
            match self.jobs.try_recv() {
                // Nobody waits for it any more.
                Ok(Job::Write(write)) if write.reply.is_closed() => {}
                Ok(Job::Write(write))
                    if bytes + write.request.len() <= most
                        && memory.has_room_for(estimate + write.estimate) =>
                {
                    bytes += write.request.len();
                    estimate = estimate + write.estimate;
                    writes.push(write);
                }
                Ok(job) => {
                    other = Some(job);
                    break;
                }
                Err(_) => break,
            }
        }
        match self.log(&writes, bytes as u64, estimate) {
            Ok(()) => {
                for Write { arrival, estimate, reply, .. } in writes {
                    let pending = self.head.expect(arrival, memory.most(estimate));
                    // Who waits no more has nothing acknowledged.
                    let _ = reply.send(Ok(pending));
                }
                self.begun.get_or_insert_with(Instant::now);
            }
            Err(error) => {
                for write in writes {
                    let _ = write.reply.send(Err(error.clone()));
                }
            }
        }
        other
    }

    fn log(&mut self, writes: &[Write], bytes: u64, estimate: Estimate) -> Result<(), WriteError> {
        let since = writes.iter().map(|write| write.since).min().unwrap_or_else(Instant::now);
        self.make_room(bytes, estimate, since + self.shared.options.write_wait)?;
        if self.log.is_none() {
            self.begin_again()?;
        }
        let Some(log) = &mut self.log else { return Err(unavailable("there is no log")) };
        let records: Vec<_> = writes
            .iter()
            .map(|write| Record { arrival: write.arrival, payload: &write.request })
            .collect();
        let logged = match self.shared.options.durability {
            Durability::Sync => log.append(&records),
            Durability::Async(_) => log.write(&records),
        };
        self.head.set_log_bytes(log.len());
        logged.map_err(|error| self.give_up(&error))
    }

    /// Waits until there is memory and disk for so many bytes of requests.
    fn make_room(
        &mut self,
        bytes: u64,
        estimate: Estimate,
        until: Instant,
    ) -> Result<(), WriteError> {
        let mut has_changed = true;
        loop {
            let mut turn = self.shared.room.turn();
            self.purge_if_asked();
            // What was acknowledged does not wait for room.
            self.keep_synced();
            let wake = self.next_sync().map_or(until, |at| at.min(until));
            if !self.has_room(estimate) {
                if self.head.is_pending() && Instant::now() < until {
                    // What it takes is known soon, and mostly less than was expected.
                    self.head.wait_for_append(wake);
                    continue;
                }
                if self.may_rotate() {
                    self.rotate()?;
                }
            }
            let reason = if !self.has_room(estimate) {
                "the head is full, and the one before is not in a segment yet"
            } else if !self.shared.has_disk_for(bytes) {
                "the directory has reached its size, and no segment could be deleted yet"
            } else {
                self.look_again();
                self.shared.want(0);
                return Ok(());
            };
            let room = &self.shared.room;
            if has_changed {
                self.shared.want(bytes);
                room.tell();
                turn += 1;
            }
            has_changed = room.wait(turn, wake);
            if !has_changed && (room.is_stopped() || Instant::now() >= until) {
                self.shared.want(0);
                self.note_stuck();
                return Err(WriteError::Overloaded {
                    reason: reason.to_owned(),
                    retry_after: RETRY_AFTER,
                });
            }
        }
    }

    fn memory(&self) -> Memory {
        Memory::of(&self.head, &self.shared.view(), self.shared.options.head_bytes)
    }

    /// Whether the active head may take these requests.
    fn has_room(&self, requests: Estimate) -> bool {
        let memory = self.memory();
        !self.is_full() && (memory.has_room_for(requests) || memory.has_room_for_one(requests))
    }

    /// Whether the active head has no more room, alone or beside the others.
    fn is_full(&self) -> bool {
        self.memory().is_full()
            || self.head.log_bytes() >= self.shared.options.log_bytes
            || self.is_all_full()
    }

    /// Whether all heads together have what two may have.
    fn is_all_full(&self) -> bool {
        let most = self.shared.options.log_bytes.saturating_mul(2);
        self.memory().is_all_full() || self.shared.view().log_bytes() >= most
    }

    /// Tells that no write can be taken, if that is because no segment can be written.
    fn note_stuck(&mut self) {
        if let Some(failure) = self.shared.failure() {
            self.stuck = Some(Instant::now() + self.shared.options.retry);
            self.tell_read_only(&format!("what is logged cannot be made a segment: {failure}"));
        }
    }

    /// Looks whether segments can be written again, or had been.
    fn look_again(&mut self) {
        if self.stuck.take().is_none() {
            return;
        }
        // Whether there still is room for a small write does not matter.
        if !self.may_rotate() && self.shared.failure().is_some() {
            self.stuck = Some(Instant::now() + self.shared.options.retry);
        } else if self.failed.is_none() {
            self.tell_writable();
        }
    }

    fn tell_read_only(&self, reason: &str) {
        let read_only = &self.shared.metrics.read_only;
        if read_only.set(&self.shared.dir, reason) {
            tracing::error!(dir = self.shared.dir, reason, "the store is read-only for now");
        }
    }

    fn tell_writable(&self) {
        self.shared.metrics.read_only.clear(&self.shared.dir);
        tracing::info!(dir = self.shared.dir, "the store takes writes again");
    }

    /// Whether there may be another frozen head.
    fn may_rotate(&self) -> bool {
        self.shared.view().heads.len() < 2
    }

    #[cfg(any(test, feature = "simulation"))]
    fn freeze(&mut self) -> Result<(), WriteError> {
        if self.head.is_empty() { Ok(()) } else { self.rotate() }
    }

    /// Freezes the head and begins another one, with its log.
    fn rotate(&mut self) -> Result<(), WriteError> {
        // What is in the frozen head's log lasts before anything later does.
        let synced = self.log.as_mut().map_or(Ok(()), LogWriter::sync);
        synced.map_err(|error| self.give_up(&error))?;
        let (head, log) = self.begin()?;
        self.shared.publish(|view| view.heads.push(Arc::clone(&head)));
        self.take(head, log);
        Ok(())
    }

    /// Begins a log in place of one that failed, with another head if the old one has spans.
    fn begin_again(&mut self) -> Result<(), WriteError> {
        if let Some((until, reason)) = &self.failed
            && Instant::now() < *until
        {
            return Err(unavailable(reason));
        }
        if self.is_all_full() {
            // Another head would be one more that waits to be a segment.
            let failure = self.shared.failure().unwrap_or_else(|| "it is being made".to_owned());
            let reason = format!("what is logged is no segment yet: {failure}");
            return Err(self.give_up(&LogError::Disk(io::Error::other(reason))));
        }
        self.check_space()?;
        let (head, log) = self.begin()?;
        let old = self.head.is_empty().then(|| Arc::clone(&self.head));
        self.shared.publish(|view| {
            if let Some(old) = &old {
                view.heads.retain(|head| !Arc::ptr_eq(head, old));
            }
            view.heads.push(Arc::clone(&head));
        });
        if let Some(old) = old {
            let disk = self.shared.disk.as_ref();
            self.shared.ledger().discard(disk, FileName::Log(old.number()));
        }
        self.take(head, log);
        Ok(())
    }

    /// Whether the disk has room for the segments of what is logged, and for one more log: else
    /// the next writes would only fail again.
    fn check_space(&mut self) -> Result<(), WriteError> {
        let needed = self.shared.view().log_bytes() + self.shared.options.log_bytes;
        let checked = self.shared.disk.free_space().and_then(|free| {
            if free >= needed {
                return Ok(());
            }
            let reason = format!("{free} bytes of disk are free, {needed} are needed");
            Err(io::Error::new(ErrorKind::StorageFull, reason))
        });
        checked.map_err(|error| self.give_up(&LogError::Disk(error)))
    }

    fn begin(&mut self) -> Result<(Arc<Head>, LogWriter), WriteError> {
        let begun = begin(&self.shared);
        begun.map_err(|error| self.give_up(&error))
    }

    fn take(&mut self, head: Arc<Head>, log: LogWriter) {
        self.head = head;
        self.log = Some(log);
        self.begun = None;
        if self.failed.take().is_some() && self.stuck.is_none() {
            self.tell_writable();
        }
        self.shared.room.tell();
    }

    /// A log that failed once is never written again: nobody knows what it has of the last
    /// writes. What was acknowledged before is there, and in the head.
    fn give_up(&mut self, error: &LogError) -> WriteError {
        let reason = format!("the store is read-only for now: {error}");
        self.tell_read_only(&error.to_string());
        self.log = None;
        self.failed = Some((Instant::now() + self.shared.options.retry, reason.clone()));
        unavailable(&reason)
    }

    /// Forgets everything if somebody waits for that.
    fn purge_if_asked(&mut self) {
        let purges = std::mem::take(&mut *lock(&self.shared.purges));
        if purges.is_empty() {
            return;
        }
        let purged = self.purge();
        for reply in purges {
            let _ = reply.send(purged.clone());
        }
    }

    fn purge(&mut self) -> Result<(), WriteError> {
        let disk = self.shared.disk.as_ref();
        let mut ledger = self.shared.ledger();
        let begun = match begin(&self.shared) {
            Err(LogError::Disk(error))
                if error.kind() == ErrorKind::StorageFull && ledger.spend_reserve(disk) =>
            {
                begin(&self.shared)
            }
            begun => begun,
        };
        let (head, log) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                drop(ledger);
                return Err(self.give_up(&error));
            }
        };
        let before = self.shared.view();
        let manifest = Manifest {
            segments: Vec::new(),
            next_file: self.shared.next_file(),
            log_floor: head.number(),
            ..Manifest::default()
        };
        let segments = before.segments.iter().map(|it| FileName::Segment(it.info().number));
        let logs = before.heads.iter().map(|head| FileName::Log(head.number()));
        let replaced = ledger.replace(disk, manifest, segments.chain(logs));
        if let Err(error) = replaced {
            // The new manifest may be found all the same, and then the old logs do not count: what
            // comes next must not be written to one of them.
            self.shared.publish(|view| view.heads.push(Arc::clone(&head)));
            drop(ledger);
            self.take(head, log);
            return Err(unavailable(&format!("forgetting everything: {error}")));
        }
        before.heads.iter().for_each(|head| self.shared.retired.add(head));
        self.shared.publish(|view| {
            view.segments.clear();
            view.heads = vec![Arc::clone(&head)];
        });
        drop(ledger);
        self.take(head, log);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A head with its log.
pub(crate) fn begin(shared: &Shared) -> Result<(Arc<Head>, LogWriter), LogError> {
    let number = shared.next_file();
    // Whoever writes requests must not know it.
    let salt = RandomState::new().hash_one(number);
    let path = FileName::Log(number).path_in(&shared.dir);
    let log = LogWriter::create(shared.disk.as_ref(), &path, salt)?;
    let head = Head::new(number);
    head.set_log_bytes(log.len());
    Ok((Arc::new(head), log))
}

fn unavailable(reason: &str) -> WriteError {
    WriteError::Unavailable(reason.to_owned())
}
