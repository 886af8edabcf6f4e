//! Where spans, log records and metrics leave the process, away from the requests that made them.

mod console;
mod ledger;
mod logs;
mod metrics;
mod otlp;
mod queue;
mod runtime;
mod shorten;
mod traces;

use crate::environment::Lookup;
pub(crate) use ledger::Ledger;
pub(crate) use runtime::ExportRuntime;
pub(crate) use {logs::logs, metrics::metrics, traces::traces};

/// Where the reports of losses come from; they are never exported themselves.
pub(crate) const TARGET: &str = module_path!();

/// Spans, or log records. A burst of some hundred requests fits, or a backend's restart; the SDK's
/// own default is 2,048.
const MAX_QUEUE_SIZE: usize = 8_192;

/// A number that is known to be one, if the variable is set.
fn number(lookup: Lookup<'_>, name: &str) -> Option<usize> {
    lookup(name)?.parse().ok()
}
