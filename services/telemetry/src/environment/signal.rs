//! Where one signal goes, and the names of the variables that say so.

use super::otlp::{self, Otlp};
use super::{Lookup, positive, read, unexpected};
use crate::InitError;

/// Where a signal goes: to none of these, or to more than one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Export {
    /// To a collector.
    pub otlp: Option<Otlp>,
    /// To stdout.
    pub console: bool,
}

/// The names of one signal's variables.
pub(super) struct Signal {
    exporter: &'static str,
    otlp: otlp::Variables,
    /// How long an export may take, its retries included.
    export_timeout: &'static str,
    /// Numbers that the SDK reads.
    numbers: &'static [&'static str],
    /// How many items may wait, which the SDK reads, too.
    queue_size: Option<&'static str>,
}

/// The room of a queue is taken at once, some hundred bytes for each item.
const MAX_QUEUE_SIZE: u64 = 1_000_000;

pub(super) const TRACES: Signal = Signal {
    exporter: "OTEL_TRACES_EXPORTER",
    otlp: otlp::TRACES,
    export_timeout: "OTEL_BSP_EXPORT_TIMEOUT",
    numbers: &["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"],
    queue_size: Some("OTEL_BSP_MAX_QUEUE_SIZE"),
};

pub(super) const LOGS: Signal = Signal {
    exporter: "OTEL_LOGS_EXPORTER",
    otlp: otlp::LOGS,
    export_timeout: "OTEL_BLRP_EXPORT_TIMEOUT",
    numbers: &["OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"],
    queue_size: Some("OTEL_BLRP_MAX_QUEUE_SIZE"),
};

pub(super) const METRICS: Signal = Signal {
    exporter: "OTEL_METRICS_EXPORTER",
    otlp: otlp::METRICS,
    export_timeout: "OTEL_METRIC_EXPORT_TIMEOUT",
    numbers: &["OTEL_METRIC_EXPORT_INTERVAL"],
    queue_size: None,
};

impl Signal {
    /// Where the signal goes; `default` stands for a variable that is not set.
    pub fn export(&self, lookup: Lookup<'_>, default: &str) -> Result<Export, InitError> {
        let value = lookup(self.exporter).unwrap_or_else(|| default.to_owned());
        let mut export = Export::default();
        if value.trim() == "none" {
            return Ok(export);
        }
        for name in self.numbers {
            positive(lookup, name)?;
        }
        if let Some(name) = self.queue_size {
            read(lookup, name, "a whole number from 1 to 1000000", |value| {
                value.parse().ok().filter(|size| (1..=MAX_QUEUE_SIZE).contains(size))
            })?;
        }
        for name in value.split(',') {
            match name.trim() {
                "otlp" => export.otlp = Some(self.otlp.read(lookup, self.export_timeout)?),
                "console" => export.console = true,
                _ => {
                    let expected = "a list of otlp and console, or none";
                    return Err(unexpected(self.exporter, &value, expected));
                }
            }
        }
        Ok(export)
    }
}
