use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{Config, LogFormat};

/// Sends log events to stdout, one a line. Where the process has a subscriber already, that one
/// stays.
pub(crate) fn init(config: &Config) {
    let layer = match config.log_format {
        LogFormat::Text => fmt::layer().with_ansi(false).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(config.log.clone())).try_init().ok();
}
