//! Jaeger's storage API v2 over the store.

mod bounded;
mod capabilities;
mod convert;
mod dependencies;
mod filter;
mod order;
mod pages;
mod streams;
mod traces;

use std::sync::Arc;

use spoor_store::{ReadError, Store};
use tonic::Status;

use crate::admission::overloaded;
use crate::metrics::Metrics;
pub(crate) use bounded::{HEADER, UNARY_BYTES};

/// Serves `TraceReader`, `DependencyReader` and `Capabilities`.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Arc<Metrics>,
    /// The greatest number of traces that a search answers with, or that are asked for by id.
    pub(crate) max_depth: usize,
}

/// What a request says that means nothing. The reason may quote of it what is longer than a header,
/// in which it travels, may be.
fn invalid(reason: &str) -> Status {
    const MOST: usize = 1_000;
    let more = if reason.chars().nth(MOST).is_some() { "…" } else { "" };
    Status::invalid_argument(reason.chars().take(MOST).collect::<String>() + more)
}

fn status(error: &ReadError) -> Status {
    let message = error.to_string();
    match error {
        ReadError::Unsupported(_) => Status::unimplemented(message),
        // No RetryInfo: the same query would end in the same way.
        ReadError::TooLarge(_) => {
            Status::resource_exhausted(format!("{message}; read_max_bytes sets the limit"))
        }
        ReadError::Overloaded { retry_after, .. } => {
            overloaded(format!("{message}; read_max_bytes sets the limit"), *retry_after)
        }
        ReadError::Unavailable(_) => Status::unavailable(message),
        _ => Status::internal(message),
    }
}
