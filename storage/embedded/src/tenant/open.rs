//! Opening a tenant's directory: the manifest, the segments' directories, and the logs that are
//! in no segment yet.

use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock, mpsc};
use std::thread;

use spoor_store::ingest;

use super::ledger::Ledger;
use super::room::Room;
use super::view::View;
use super::writer::{Writer, begin};
use super::{Clock, Head, Shared, Tenant, flush, maintenance};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::log::{LogError, LogWriter, replay};
use crate::manifest::{FileName, Manifest};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::segment::Segment;

impl Tenant {
    /// Opens a tenant's directory, which is there.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: &str,
        options: &Options,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        let manifest = match Manifest::load(disk.as_ref(), dir)? {
            Some(manifest) => manifest,
            None => begin_manifest(disk.as_ref(), dir)?,
        };
        let leftovers = manifest.leftovers(disk.as_ref(), dir)?;
        let name = |path: &String| FileName::parse(path.rsplit('/').next()?);
        let leftovers = leftovers.iter().filter_map(name).collect();
        let names = disk.list(dir)?;
        let files = || names.iter().filter_map(|name| FileName::parse(name));
        let numbers = files().filter_map(FileName::number);
        let next_file = numbers.map(|number| number + 1).fold(manifest.next_file, u64::max);
        let mut logs: Vec<_> = files()
            .filter_map(|file| if let FileName::Log(number) = file { Some(number) } else { None })
            .filter(|number| *number >= manifest.log_floor)
            .collect();
        logs.sort_unstable();

        let mut segments = Vec::new();
        for info in &manifest.segments {
            let path = FileName::Segment(info.number).path_in(dir);
            segments.push(Arc::new(Segment::open_as(disk.as_ref(), &path, info)?));
        }
        let garbage_bytes = Arc::<AtomicU64>::default();
        let mut ledger = Ledger::new(dir, manifest, Arc::clone(&garbage_bytes));
        ledger.clear(disk.as_ref(), leftovers, next_file);
        let shared = Arc::new(Shared {
            disk,
            dir: dir.to_owned(),
            options: options.clone(),
            clock,
            view: RwLock::new(Arc::new(View { segments, heads: Vec::new() })),
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
        let (head, log) = begin_first(&shared)?;
        shared.publish(|view| view.heads.push(Arc::clone(&head)));

        let (jobs, queue) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&shared), queue, head, log);
        let writer = thread::Builder::new().name("log".to_owned()).spawn(move || writer.run())?;
        let maintenance = maintenance::start(&shared)?;
        Ok(Self { shared, jobs, threads: vec![writer, maintenance] })
    }
}

/// The manifest of a directory without one. It is stored before there is any segment, so that a
/// directory with segments always has one.
fn begin_manifest(disk: &dyn Disk, dir: &str) -> Result<Manifest, OpenError> {
    let is_segment = |name: &String| matches!(FileName::parse(name), Some(FileName::Segment(_)));
    if disk.list(dir)?.iter().any(is_segment) {
        return Err(OpenError::NoManifest { directory: dir.to_owned() });
    }
    let manifest = Manifest::default();
    manifest.store(disk, dir)?;
    Ok(manifest)
}

/// The first head with its log; without one when the disk is full or fails, for reads need none.
/// The writer begins another when it can.
fn begin_first(shared: &Shared) -> Result<(Arc<Head>, Result<LogWriter, LogError>), OpenError> {
    match begin(shared) {
        Ok((head, log)) => Ok((head, Ok(log))),
        Err(LogError::Disk(error)) if !is_forbidden(&error) => {
            Ok((Arc::new(Head::new(shared.next_file())), Err(LogError::Disk(error))))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether writing is not permitted at all, which no time heals.
fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
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
    let mut log = replay(shared.disk.as_ref(), &path)?;
    for record in &mut log {
        let record = record?;
        match ingest::split(&record.payload, record.arrival) {
            Ok(batch) => head.expect(record.arrival).append(&batch),
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
