use std::{fmt, io};

use super::format::{MAX_PAYLOAD, VERSION};

/// Why a log can't be written or read.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogError {
    /// The disk failed; the error says at what.
    Disk(io::Error),
    /// A new log was to be made where a file is.
    Exists {
        /// The log's path.
        path: String,
    },
    /// An earlier call failed, so the log is not written any more.
    GivenUp {
        /// The log's path.
        path: String,
    },
    /// A record is longer than a log can hold. Nothing of the batch was written, and the log can
    /// still be.
    TooLong {
        /// The length of the record's payload.
        bytes: usize,
    },
    /// The log was written by a later version of this program.
    Newer {
        /// The log's path.
        path: String,
        /// The version of its format.
        version: u32,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Exists { path } => write!(f, "creating the log {path}: a file is there already"),
            Self::GivenUp { path } => {
                write!(f, "writing to the log {path}: it was given up when a call failed")
            }
            Self::TooLong { bytes } => write!(
                f,
                "writing to a log: a record of {bytes} bytes is longer than {MAX_PAYLOAD}"
            ),
            Self::Newer { path, version } => write!(
                f,
                "reading the log {path}: its format has version {version}, this program knows \
                 {VERSION}: use a newer one"
            ),
        }
    }
}

impl std::error::Error for LogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` shows the disk's error itself; what follows is its source.
            Self::Disk(error) => error.source(),
            _ => None,
        }
    }
}

impl From<io::Error> for LogError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}
