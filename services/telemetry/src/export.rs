//! Where spans, log records and metrics leave the process, away from the requests that made them.

mod console;
mod ledger;
mod logs;
mod metrics;
mod queue;
mod runtime;
mod shorten;
mod traces;

use opentelemetry_otlp::RetryPolicy;

pub(crate) use ledger::Ledger;
pub(crate) use runtime::ExportRuntime;
pub(crate) use {logs::logs, metrics::metrics, traces::traces};

/// Where the reports of losses come from; they are never exported themselves.
pub(crate) const TARGET: &str = module_path!();

/// Spans, or log records. A burst of some hundred requests fits, or a backend's restart; the SDK's
/// own default is 2,048.
const MAX_QUEUE_SIZE: usize = 8_192;

/// Tries again until `OTEL_EXPORTER_OTLP_TIMEOUT` is over, by default 10 s, while the queue takes
/// what comes: a backend that restarts misses nothing. The library's own default ends after 1 s; of
/// 4 s with an outage of 2 s in them it lost a quarter. A gRPC call that is cut off under way, as by
/// a backend's crash, is not tried again: the library takes its code, UNKNOWN, for final.
fn retry_policy() -> RetryPolicy {
    RetryPolicy::default().with_max_retries(usize::MAX)
}
