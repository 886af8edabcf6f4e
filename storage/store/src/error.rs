use std::fmt;
use std::time::Duration;

/// Why a write kept nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The bytes are not an OTLP export request. A retry can't help.
    Malformed(String),
    /// The request is more than the engine can ever keep. A retry can't help.
    TooLarge(String),
    /// The engine is at a limit for now. A retry after this time may succeed.
    Overloaded {
        /// The limit that was met.
        reason: String,
        /// The least time to wait.
        retry_after: Duration,
    },
    /// The engine can't write at present, by its own fault. A retry may succeed.
    Unavailable(String),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) => write!(f, "reading the export request: {reason}"),
            Self::TooLarge(reason) => write!(f, "keeping the export request: {reason}"),
            Self::Overloaded { reason, .. } => write!(f, "keeping the export request: {reason}"),
            Self::Unavailable(reason) => write!(f, "writing to the store: {reason}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Why a read has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The query asks for something that this engine can't evaluate.
    Unsupported(String),
    /// The answer takes more memory than a query may ever have. A retry can't help.
    TooLarge(String),
    /// The engine is at a limit for now. A retry after this time may succeed.
    Overloaded {
        /// The limit that was met.
        reason: String,
        /// The least time to wait.
        retry_after: Duration,
    },
    /// The engine can't read at present, by its own fault.
    Unavailable(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(what) => write!(f, "evaluating the query: {what} is not supported"),
            Self::TooLarge(reason) | Self::Overloaded { reason, .. } => {
                write!(f, "evaluating the query: {reason}")
            }
            Self::Unavailable(reason) => write!(f, "reading from the store: {reason}"),
        }
    }
}

impl std::error::Error for ReadError {}
