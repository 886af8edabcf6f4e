//! What the engine counts: every metric's name, unit and meaning is in this file.
//!
//! They are registered with [`crate::EmbeddedStore::register_metrics`]. The names are without the
//! registry's prefix, and all tenants count together.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use spoor_store::WriteError;

use crate::read_only::ReadOnly;

/// Seconds: from a fast disk's cache to a disk that is about to fail.
const SYNC_BUCKETS: [f64; 11] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// Seconds: from a small head to the merging of the largest segments.
const WORK_BUCKETS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct File {
    file: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Task {
    task: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// What made a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A head was written to it.
    Flush,
    /// Others were merged to it.
    Compaction,
}

/// Why a segment was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// It was older than the retention.
    Age,
    /// Others needed its space.
    Size,
}

/// What a store has at a moment, all tenants together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holdings {
    pub(crate) log_bytes: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) segments: u64,
    pub(crate) heads: u64,
    /// What the heads take of memory.
    pub(crate) head_bytes: u64,
    /// What is granted to reads.
    pub(crate) read_bytes: u64,
}

/// The engine's counters, and whether it is read-only.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) read_only: ReadOnly,
    syncs: Family<File, Histogram>,
    written: Family<File, Counter>,
    work: Family<Task, Histogram>,
    made: Family<Task, Counter>,
    failed: Counter,
    rejected: Family<Reason, Counter>,
    refused_reads: Family<Reason, Counter>,
    deleted: Family<Reason, Counter>,
    pub(crate) blocks_read: Counter,
    blocks_skipped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            read_only: ReadOnly::default(),
            syncs: Family::new_with_constructor(|| Histogram::new(SYNC_BUCKETS)),
            written: Family::default(),
            work: Family::new_with_constructor(|| Histogram::new(WORK_BUCKETS)),
            made: Family::default(),
            failed: Counter::default(),
            rejected: Family::default(),
            refused_reads: Family::default(),
            deleted: Family::default(),
            blocks_read: Counter::default(),
            blocks_skipped: Counter::default(),
        }
    }
}

impl Metrics {
    /// Registers all of them. `holdings` is asked when they are shown.
    pub(crate) fn register(
        self: &Arc<Self>,
        registry: &mut Registry,
        holdings: impl Fn() -> Holdings + Send + Sync + 'static,
    ) {
        self.begin_series();
        let help = "Time that a sync to the disk took";
        let syncs = self.syncs.clone();
        registry.register_with_unit("store_sync_duration", help, Unit::Seconds, syncs);
        let help = "Bytes written to files, however often the same spans are";
        registry.register_with_unit("store_written", help, Unit::Bytes, self.written.clone());
        let help = "Time that it took to make a segment";
        let work = self.work.clone();
        registry.register_with_unit("store_task_duration", help, Unit::Seconds, work);
        let help = "Bytes of the segments made";
        registry.register_with_unit("store_task_output", help, Unit::Bytes, self.made.clone());
        let help = "Attempts to make or delete segments that failed, and are made again";
        registry.register("store_failed_tasks", help, self.failed.clone());
        let help = "Export requests of which nothing was kept";
        registry.register("store_rejected_writes", help, self.rejected.clone());
        let help = "Queries ended because of the memory that they would take";
        registry.register("store_refused_reads", help, self.refused_reads.clone());
        let help = "Segments deleted, with all of their spans";
        registry.register("store_deleted_segments", help, self.deleted.clone());
        let help = "Blocks that searches read";
        registry.register("store_search_blocks_read", help, self.blocks_read.clone());
        let help = "Blocks that searches need not read";
        registry.register("store_search_blocks_skipped", help, self.blocks_skipped.clone());
        let metrics = Arc::clone(self);
        registry.register_collector(Box::new(Observed { metrics, holdings: Box::new(holdings) }));
    }

    /// Makes the series of what may not happen for long, so that the first time is seen as a rise.
    fn begin_series(&self) {
        let begin = |family: &Family<Reason, Counter>, reasons: &[&'static str]| {
            reasons.iter().for_each(|reason| drop(family.get_or_create(&Reason { reason })));
        };
        begin(&self.rejected, &["malformed", "too_large", "overloaded", "unavailable"]);
        begin(&self.refused_reads, &["too_large", "overloaded"]);
        begin(&self.deleted, &["age", "size"]);
        for task in ["flush", "compaction"] {
            drop(self.work.get_or_create(&Task { task }));
            drop(self.made.get_or_create(&Task { task }));
        }
    }

    /// A file of this kind was synced.
    pub(crate) fn synced(&self, file: &'static str, since: Instant) {
        self.syncs.get_or_create(&File { file }).observe(since.elapsed().as_secs_f64());
    }

    pub(crate) fn written(&self, file: &'static str, bytes: u64) {
        self.written.get_or_create(&File { file }).inc_by(bytes);
    }

    /// A segment of so many bytes was made.
    pub(crate) fn made(&self, work: Work, took: Duration, bytes: u64) {
        let task = match work {
            Work::Flush => "flush",
            Work::Compaction => "compaction",
        };
        self.work.get_or_create(&Task { task }).observe(took.as_secs_f64());
        self.made.get_or_create(&Task { task }).inc_by(bytes);
    }

    /// An attempt to make or delete segments failed.
    pub(crate) fn task_failed(&self) {
        self.failed.inc();
    }

    pub(crate) fn rejected(&self, error: &WriteError) {
        let reason = match error {
            WriteError::Malformed(_) => "malformed",
            WriteError::TooLarge(_) => "too_large",
            WriteError::Overloaded { .. } => "overloaded",
            _ => "unavailable",
        };
        self.rejected.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn read_refused(&self, reason: &'static str) {
        self.refused_reads.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn deleted(&self, expiry: Expiry) {
        let reason = match expiry {
            Expiry::Age => "age",
            Expiry::Size => "size",
        };
        self.deleted.get_or_create(&Reason { reason }).inc();
    }

    /// A search of so many blocks ended.
    pub(crate) fn searched(&self, read: u64, of: u64) {
        self.blocks_read.inc_by(read);
        self.blocks_skipped.inc_by(of.saturating_sub(read));
    }
}

/// What is looked up when the metrics are shown.
struct Observed {
    metrics: Arc<Metrics>,
    holdings: Box<dyn Fn() -> Holdings + Send + Sync>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").finish_non_exhaustive()
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Holdings { log_bytes, segment_bytes, segments, heads, head_bytes, read_bytes } =
            (self.holdings)();
        let gauge = |value: u64| ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));

        let files = [("log", log_bytes), ("segment", segment_bytes)];
        let help = "Bytes of the files held, by kind";
        let kind = gauge(0).metric_type();
        let mut metric =
            encoder.encode_descriptor("store_files", help, Some(&Unit::Bytes), kind)?;
        for (file, bytes) in files {
            gauge(bytes).encode(metric.encode_family(&[("file", file)])?)?;
        }

        let read_only = self.metrics.read_only.reason().is_some();
        let gauges = [
            ("store_segments", "Segments held", None, segments),
            ("store_heads", "Heads: logs whose spans are not in a segment yet", None, heads),
            ("store_head_memory", "Memory of the heads", Some(&Unit::Bytes), head_bytes),
            ("store_read_memory", "Memory granted to queries", Some(&Unit::Bytes), read_bytes),
            ("store_read_only", "1 while no write can be taken", None, read_only.into()),
        ];
        for (name, help, unit, value) in gauges {
            let gauge = gauge(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
