//! What a store's bytes are spent on.

use std::collections::BTreeMap;
use std::path::Path;

use spoor_store::ingest;

use crate::block::Column;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::log::replay;
use crate::manifest::{FileName, Manifest};
use crate::rows::Level;
use crate::segment::Segment;
pub use crate::tools::Progress;
use crate::tools::{self, TenantDir};

/// What a store's files hold, all tenants together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The number of tenants.
    pub tenants: u64,
    /// Files and bytes by kind: `log`, `segment`, `manifest`, `damaged`, `other`.
    pub files: BTreeMap<&'static str, Sum>,
    /// The spans of all segments.
    pub segment_spans: u64,
    /// The spans of all logs.
    pub log_spans: u64,
    /// The blocks of all segments.
    pub blocks: u64,
    /// The traces of all blocks. One that lies in several counts in each.
    pub block_traces: u64,
    /// Columns and bytes of the blocks. An attribute is named by its level and its key.
    pub columns: BTreeMap<String, Sum>,
    /// The bytes of the segments beside columns: filters, catalogues, directories.
    pub other_segment_bytes: u64,
    /// Spans by service, those of logs included.
    pub services: BTreeMap<String, u64>,
}

/// How many, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// Reads the store in a directory, which no process may have open.
///
/// # Errors
/// When it is open, or cannot be read: what is damaged has to be set aside first.
pub fn stats(directory: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Stats, OpenError> {
    let (disk, _lock) = tools::closed_to_read(directory)?;
    stats_on(&disk, progress)
}

fn stats_on(disk: &dyn Disk, tell: &mut dyn FnMut(Progress)) -> Result<Stats, OpenError> {
    let mut stats = Stats::default();
    let mut progress = Progress::default();
    let tenants = tools::tenants(disk)?;
    for TenantDir { dir, .. } in &tenants {
        for name in disk.list(dir)? {
            stats.file(disk, dir, &name, &mut progress.total)?;
        }
    }
    for TenantDir { dir, .. } in &tenants {
        stats.tenants += 1;
        let (manifest, logs) = Manifest::with_logs(disk, dir)?;
        for info in &manifest.segments {
            let path = FileName::Segment(info.number).path_in(dir);
            stats.segment(&Segment::open(disk, &path)?)?;
            progress.advance(info.bytes, tell);
        }
        for number in logs {
            let path = FileName::Log(number).path_in(dir);
            stats.log(disk, &path)?;
            progress.advance(disk.size(&path)?, tell);
        }
    }
    Ok(stats)
}

impl Stats {
    fn file(
        &mut self,
        disk: &dyn Disk,
        dir: &str,
        name: &str,
        total: &mut u64,
    ) -> Result<(), OpenError> {
        let path = format!("{dir}/{name}");
        let kind = match FileName::parse(name) {
            Some(FileName::Log(_)) => "log",
            Some(FileName::Segment(_)) => "segment",
            Some(FileName::Manifest) => "manifest",
            Some(FileName::Reserve) => "reserve",
            None if name == tools::DAMAGED => {
                for damaged in disk.list(&path)? {
                    let bytes = disk.size(&format!("{path}/{damaged}"))?;
                    self.files.entry("damaged").or_default().add(bytes);
                }
                return Ok(());
            }
            _ => "other",
        };
        let bytes = disk.size(&path)?;
        if matches!(kind, "log" | "segment") {
            *total += bytes;
        }
        self.files.entry(kind).or_default().add(bytes);
        Ok(())
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), OpenError> {
        let info = segment.info();
        self.segment_spans += info.spans;
        let mut columns = 0;
        for (number, index) in (0..).zip(segment.blocks()) {
            self.blocks += 1;
            self.block_traces += u64::from(index.traces);
            let in_block = |error| segment.error_in(number, error);
            let block = segment.block(number)?;
            for (column, bytes) in block.columns() {
                let key = block.key(column).map_err(in_block)?;
                let name = name_of(column, key.unwrap_or_default());
                self.columns.entry(name).or_default().add(bytes.into());
                columns += u64::from(bytes);
            }
            let (calls, origins) = block.calls().map_err(in_block)?;
            let mut spans = vec![0; origins.len()];
            for call in calls {
                spans[call.origin as usize] += 1;
            }
            for (origin, spans) in origins.iter().zip(spans) {
                *self.services.entry(origin.service.clone()).or_default() += spans;
            }
        }
        self.other_segment_bytes += info.bytes - columns;
        Ok(())
    }

    fn log(&mut self, disk: &dyn Disk, path: &str) -> Result<(), OpenError> {
        for record in replay(disk, path)? {
            let record = record?;
            // One that is damaged holds no spans that could be read.
            let Ok(batch) = ingest::split(&record.payload, record.arrival) else { continue };
            for (service, counts) in batch.written().services {
                *self.services.entry(service).or_default() += counts.accepted;
                self.log_spans += counts.accepted;
            }
        }
        Ok(())
    }
}

fn name_of(column: Column, key: &[u8]) -> String {
    let Column::Attribute { level, .. } = column else { return format!("{column:?}") };
    let level = match level {
        Level::Span => "span",
        Level::Event => "event",
        Level::Link => "link",
    };
    format!("{level} attribute {}", String::from_utf8_lossy(key))
}
