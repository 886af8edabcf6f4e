//! What can be wrong at the start, and how an error is told.

use std::{error, fmt, io};

use opentelemetry_otlp::ExporterBuildError;
use tracing_subscriber::filter::ParseError;

/// Why [`init`](crate::init) refused to start.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitError {
    /// An `OTEL_*` variable has a value that is not among those it can have.
    Variable {
        /// The variable's name.
        name: &'static str,
        /// The value it has.
        value: String,
        /// The values it can have.
        expected: &'static str,
    },
    /// `RUST_LOG` is not a list of filter directives.
    LogFilter {
        /// The variable's value.
        directives: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The OTLP exporter cannot be built, for example because its endpoint is not a URL.
    Exporter(ExporterBuildError),
    /// The exporter's runtime could not be started.
    Runtime(io::Error),
    /// The process has a tracing subscriber already, of all its threads.
    AlreadyInitialized,
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, value, expected } => {
                write!(f, "reading {name}: expected {expected}, found {value:?}")
            }
            Self::LogFilter { directives, error } => {
                write!(f, "reading RUST_LOG {directives:?}: {error}")
            }
            Self::Exporter(error) => write!(f, "building the OTLP exporter: {error}"),
            Self::Runtime(error) => write!(f, "starting the OTLP exporter's runtime: {error}"),
            Self::AlreadyInitialized => f.write_str("setting up telemetry: it already is"),
        }
    }
}

impl error::Error for InitError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::LogFilter { error, .. } => Some(error),
            Self::Exporter(error) => Some(error),
            Self::Runtime(error) => Some(error),
            Self::Variable { .. } | Self::AlreadyInitialized => None,
        }
    }
}

/// The text of an error and of what caused it, each after a colon, as a span's status tells it.
pub fn error_chain(error: &dyn error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
