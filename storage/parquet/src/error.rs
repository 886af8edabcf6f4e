use std::path::PathBuf;
use std::{fmt, io};

use parquet::errors::ParquetError;
use spoor_embedded::OpenError;

/// Why there is no file.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum ExportError {
    /// The store cannot be read.
    Open(OpenError),
    /// There is a file of this name.
    Exists(PathBuf),
    /// The file cannot be made.
    Io {
        /// Such as `creating`.
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The file cannot be written.
    Parquet(ParquetError),
}

impl ExportError {
    /// Makes an error of what went wrong with a file.
    pub(crate) fn while_doing<P: Into<PathBuf>>(
        doing: &'static str,
        path: P,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.into(), source }
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error @ OpenError::Locked { directory, .. }) => write!(
                f,
                "{error}; of a running store, export a snapshot: spoor snapshot {directory} TARGET"
            ),
            Self::Open(error) => error.fmt(f),
            Self::Exists(path) => write!(f, "{} is there already", path.display()),
            Self::Io { doing, path, source } => write!(f, "{doing} {}: {source}", path.display()),
            // The disk's own words, if it was the disk.
            Self::Parquet(ParquetError::External(error)) => write!(f, "writing spans: {error}"),
            Self::Parquet(error) => write!(f, "writing spans: {error}"),
        }
    }
}

impl std::error::Error for ExportError {}

impl From<OpenError> for ExportError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<ParquetError> for ExportError {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}
