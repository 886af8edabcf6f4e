//! Opening a tenant's directory: the manifest, the segments' directories, and the logs that are
//! in no segment yet.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock, mpsc};
use std::thread;

use spoor_store::ingest;

use super::ledger::Ledger;
use super::retired::Retired;
use super::room::Room;
use super::view::View;
use super::writer::{Writer, begin};
use super::{Clock, Head, Shared, Tenant, flush, maintenance};
use crate::demand::Demand;
use crate::disk::Disk;
use crate::error::{OpenError, is_forbidden};
use crate::log::{LogError, LogWriter, replay};
use crate::manifest::{FileName, Files, Manifest};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::orphans::{Orphan, orphans};
use crate::segment::{Segment, SegmentInfo};
use crate::set_aside::set_aside;

impl Tenant {
    /// Opens a tenant's directory, which is there.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: &str,
        options: &Options,
        clock: Clock,
        metrics: Arc<Metrics>,
        demand: Demand,
    ) -> Result<Self, OpenError> {
        let loaded = Manifest::load(disk.as_ref(), dir)?;
        let files = list_with_first_log(disk.as_ref(), dir, loaded.as_ref())?;
        let (manifest, logs) = match &loaded {
            Some(manifest) => (manifest.clone(), manifest.logs(&files, dir)?),
            None => (Manifest::default(), files.logs().collect()),
        };
        let next_file = files.next.max(manifest.next_file);
        let mut segments = Vec::new();
        for info in &manifest.segments {
            let path = FileName::Segment(info.number).path_in(dir);
            segments.push(Arc::new(Segment::open_as(disk.as_ref(), &path, info)?));
        }
        let garbage_bytes = Arc::<AtomicU64>::default();
        keep_orphans(disk.as_ref(), dir, &manifest, &files)?;
        // A process that was killed may have put the manifest there without making it last.
        disk.sync_dir(dir)?;
        let leftovers = manifest.leftovers(&files);
        let mut ledger = Ledger::new(dir, manifest, Arc::clone(&garbage_bytes));
        ledger.clear(disk.as_ref(), leftovers);
        let shared = Arc::new(Shared {
            disk,
            dir: dir.to_owned(),
            options: options.clone(),
            clock,
            view: RwLock::new(Arc::new(View { segments, heads: Vec::new() })),
            retired: Retired::default(),
            demand,
            ledger: Mutex::new(ledger),
            next_file: AtomicU64::new(next_file),
            room: Room::default(),
            metrics,
            evicted: AtomicU64::new(0),
            reserved: AtomicU64::new(0),
            garbage_bytes,
            wanted: AtomicU64::new(0),
            purges: Mutex::default(),
            avoided: Mutex::default(),
            failure: Mutex::default(),
        });
        for number in logs {
            let head = replay_log(&shared, number)?;
            shared.publish(|view| view.heads.push(Arc::clone(&head)));
            make_room(&shared)?;
        }
        let (head, log) = begin_first(&shared, loaded.is_some())?;
        if loaded.is_none() {
            // Not before there is a log, and before there is any segment.
            let log_floor =
                shared.view().heads.first().map_or(head.number(), |first| first.number());
            let mut ledger = shared.ledger();
            let manifest = Manifest { log_floor, ..ledger.manifest().clone() };
            ledger.replace(shared.disk.as_ref(), manifest, [])?;
        }
        shared.publish(|view| view.heads.push(Arc::clone(&head)));

        let (jobs, queue) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&shared), queue, head, log);
        let writer = thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        let maintenance = maintenance::start(&shared)?;
        Ok(Self { shared, jobs, threads: vec![writer, maintenance] })
    }
}

/// The directory's files. The first log that counts is made, if the version is one that need not
/// have it.
fn list_with_first_log(
    disk: &dyn Disk,
    dir: &str,
    manifest: Option<&Manifest>,
) -> Result<Files, OpenError> {
    let files = Files::list(disk, dir)?;
    let Some(manifest) = manifest else { return Ok(files) };
    if manifest.logs(&files, dir)?.first() == Some(&manifest.log_floor) {
        return Ok(files);
    }
    disk.create(&FileName::Log(manifest.log_floor).path_in(dir))?.sync()?;
    disk.sync_dir(dir)?;
    Ok(Files::list(disk, dir)?)
}

/// Keeps segments that may hold what nothing else does: as leftovers they would be removed.
fn keep_orphans(
    disk: &dyn Disk,
    dir: &str,
    manifest: &Manifest,
    files: &Files,
) -> Result<(), OpenError> {
    for Orphan { number, info } in orphans(disk, dir, manifest, files)? {
        let file = FileName::Segment(number);
        set_aside(disk, dir, file)?;
        disk.remove(&file.path_in(dir))?;
        let SegmentInfo { spans, bytes, .. } = info.unwrap_or_default();
        tracing::error!(
            path = file.path_in(dir),
            spans,
            bytes,
            "a segment is set aside: the manifest does not have it, and nothing else has its spans"
        );
    }
    Ok(())
}

/// The first head with its log. Without one if there was a store before and the disk is full or
/// fails, for reads need none: the writer begins another when it can.
fn begin_first(
    shared: &Shared,
    is_store: bool,
) -> Result<(Arc<Head>, Result<LogWriter, LogError>), OpenError> {
    match begin(shared) {
        Ok((head, log)) => Ok((head, Ok(log))),
        Err(LogError::Disk(error)) if is_store && !is_forbidden(&error) => {
            Ok((Arc::new(Head::new(shared.next_file())), Err(LogError::Disk(error))))
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes the first head to a segment, if there are so many that memory could run out.
fn make_room(shared: &Shared) -> Result<(), OpenError> {
    let view = shared.view();
    let bytes: usize = view.heads.iter().map(|head| head.bytes()).sum();
    if let [first, _, ..] = &view.heads[..]
        && bytes > 2 * shared.options.head_bytes
    {
        match flush::flush(shared, first) {
            // Then it stays in memory. Once there were no more of them than are read here.
            Err(error) if !error.is_damage() => {
                tracing::error!(dir = shared.dir, %error, "a log is made a segment later");
            }
            flushed => flushed?,
        }
    }
    Ok(())
}

fn replay_log(shared: &Shared, number: u64) -> Result<Arc<Head>, OpenError> {
    let path = FileName::Log(number).path_in(&shared.dir);
    let head = Arc::new(Head::new(number));
    head.set_log_bytes(shared.disk.size(&path)?);
    // Who was killed may have written it without making it last.
    if let Err(error) = shared.disk.sync(&path) {
        tracing::warn!(path, %error, "what was logged may not outlive a power cut yet");
    }
    let mut log = replay(shared.disk.as_ref(), &path)?;
    for record in &mut log {
        let record = record?;
        match ingest::split(&record.payload, record.arrival) {
            Ok(batch) => head.expect(record.arrival, 0).append(&batch),
            // It was checked before it was logged, and its checksum is right.
            Err(error) => tracing::error!(path, %error, "a logged request cannot be read"),
        }
    }
    let report = log.report();
    if report.damaged_regions > 0 {
        tracing::error!(
            path,
            regions = report.damaged_regions,
            bytes = report.damaged_bytes,
            "the log is damaged: what was there is lost"
        );
    }
    if report.tail_bytes > 0 {
        tracing::warn!(
            path,
            bytes = report.tail_bytes,
            "the log's end is no whole write: it was cut off before it was acknowledged, or it is \
             damaged"
        );
    }
    Ok(head)
}
