//! All spans of a store, as they lie in its files: block by block, then log by log.
//!
//! Each span is told once, for a segment's spans are in no log that counts and in no other segment.
//! Those of a trace may be told far from each other. What is damaged is told of, and left out.

use std::path::Path;

use spoor_store::{TimeRange, ingest};

use crate::check::{Finding, Loss, log_damage};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::log::replay;
use crate::manifest::{FileName, Manifest};
use crate::rows::next_fragment;
use crate::segment::{Segment, SegmentError, SegmentInfo};
pub use crate::tools::Progress;
use crate::tools::{self, TenantDir};

/// What a scan comes across.
#[derive(Debug)]
pub enum Found<'f> {
    /// Spans.
    Spans {
        /// The tenant's name; the default tenant's is empty.
        tenant: &'f str,
        /// The spans as an encoded `TracesData`, small or of a single span.
        data: &'f [u8],
    },
    /// Spans that are left out, because what holds them is damaged.
    Damage(Finding),
    /// How far the scan has come.
    Progress(Progress),
}

/// Tells all spans of the store in a directory, which no process may have open. Blocks of which no
/// span starts in the range are passed over; other spans that start outside of it may be told.
///
/// In memory it has a block at a time, or an export request.
///
/// # Errors
/// When it is open, cannot be read or is of a newer format; or as `tell`, which ends the scan.
pub fn scan<E: From<OpenError>>(
    directory: &Path,
    starts: TimeRange,
    tell: &mut dyn FnMut(Found<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let (disk, _lock) = tools::closed_to_read(directory)?;
    let mut progress = Progress::default();
    let mut tenants = Vec::new();
    for tenant in tools::tenants(&disk).map_err(OpenError::from)? {
        let files = Files::of(&disk, &tenant.dir)?;
        progress.total += files.segments.iter().map(|info| info.bytes).sum::<u64>();
        progress.total += files.logs.iter().map(|(_, bytes)| bytes).sum::<u64>();
        tenants.push((tenant, files));
    }
    for (tenant, Files { segments, logs }) in &tenants {
        let mut scan = Scan { disk: &disk, tenant, starts, progress, tell };
        segments.iter().try_for_each(|info| scan.segment(info))?;
        logs.iter().try_for_each(|(path, _)| scan.log(path))?;
        progress = scan.progress;
    }
    Ok(())
}

/// What counts of a tenant's directory.
struct Files {
    segments: Vec<SegmentInfo>,
    /// The paths and lengths of logs.
    logs: Vec<(String, u64)>,
}

impl Files {
    fn of(disk: &dyn Disk, dir: &str) -> Result<Self, OpenError> {
        let (manifest, numbers) = Manifest::with_logs(disk, dir)?;
        let mut logs = Vec::new();
        for number in numbers {
            let path = FileName::Log(number).path_in(dir);
            let bytes = disk.size(&path)?;
            logs.push((path, bytes));
        }
        Ok(Self { segments: manifest.segments, logs })
    }
}

/// A scan of a tenant that goes on.
struct Scan<'s, E> {
    disk: &'s dyn Disk,
    tenant: &'s TenantDir,
    starts: TimeRange,
    progress: Progress,
    tell: &'s mut dyn FnMut(Found<'_>) -> Result<(), E>,
}

impl<E: From<OpenError>> Scan<'_, E> {
    fn segment(&mut self, info: &SegmentInfo) -> Result<(), E> {
        let path = FileName::Segment(info.number).path_in(&self.tenant.dir);
        let segment = match Segment::open(self.disk, &path) {
            Ok(segment) => segment,
            Err(error @ SegmentError::Newer { .. }) => return Err(OpenError::from(error).into()),
            Err(error) => {
                self.damage(&path, None, error.to_string(), Loss::Spans(info.spans))?;
                return self.advance(info.bytes);
            }
        };
        let mut left = info.bytes;
        for (number, index) in (0..).zip(segment.blocks()) {
            if index.min_start <= self.starts.max && index.max_start >= self.starts.min {
                self.block(&segment, number)?;
            }
            left -= u64::from(index.len).min(left);
            self.advance(index.len.into())?;
        }
        self.advance(left)
    }

    fn block(&mut self, segment: &Segment, number: u32) -> Result<(), E> {
        let read = || {
            let reader = segment.block(number).map_err(|error| error.to_string())?;
            // All of it first, so that damage mostly costs all of a block, as `check` counts it.
            let rows = reader.check().and_then(|()| reader.span_rows(0..reader.rows()));
            rows.map_err(|error| error.to_string())
        };
        let rows = segment.blocks()[number as usize].rows;
        let source = match read() {
            Ok(source) => source,
            Err(reason) => {
                return self.damage(segment.path(), Some(number), reason, Loss::Spans(rows.into()));
            }
        };
        let mut rows = (0..rows).peekable();
        loop {
            let left = rows.len() as u64;
            match next_fragment(&source, &mut rows) {
                Ok(Some(data)) => self.spans(&data)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    let reason = error.to_string();
                    return self.damage(segment.path(), Some(number), reason, Loss::Spans(left));
                }
            }
        }
    }

    fn log(&mut self, path: &str) -> Result<(), E> {
        let mut log = replay(self.disk, path).map_err(OpenError::from)?;
        let mut unread = 0;
        for record in &mut log {
            let record = record.map_err(OpenError::from)?;
            match ingest::split(&record.payload, record.arrival) {
                Ok(batch) => {
                    let mut fragments = batch.traces().flat_map(|trace| trace.fragments());
                    fragments.try_for_each(|data| self.spans(&data))?;
                }
                Err(_) => unread += record.payload.len() as u64,
            }
            self.advance(record.payload.len() as u64)?;
        }
        for (reason, loss) in log_damage(&log.report(), unread) {
            self.damage(path, None, reason, loss)?;
        }
        Ok(())
    }

    fn spans(&mut self, data: &[u8]) -> Result<(), E> {
        (self.tell)(Found::Spans { tenant: &self.tenant.name, data })
    }

    fn damage(
        &mut self,
        file: &str,
        block: Option<u32>,
        reason: String,
        loss: Loss,
    ) -> Result<(), E> {
        let (tenant, file) = (self.tenant.name.clone(), file.to_owned());
        (self.tell)(Found::Damage(Finding { tenant, file, block, reason, loss }))
    }

    fn advance(&mut self, bytes: u64) -> Result<(), E> {
        self.progress.done += bytes;
        (self.tell)(Found::Progress(self.progress))
    }
}
