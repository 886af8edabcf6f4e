use std::{fmt, io};

use super::VERSION;

/// Why a manifest can't be read or replaced.
#[derive(Debug)]
#[non_exhaustive]
pub enum ManifestError {
    /// The disk failed.
    Io {
        /// Its error, which names the file.
        source: io::Error,
    },
    /// There is none, but there are segments or logs, and nothing tells which of them count.
    Missing {
        /// Where it should be.
        path: String,
    },
    /// The first log that counts is not there.
    NoLog {
        /// Where it should be.
        path: String,
    },
    /// No file may be given the number that follows this one's.
    Number {
        /// The file.
        path: String,
    },
    /// The bytes are not those that were written.
    Damaged {
        /// The file.
        path: String,
    },
    /// A later version of the program wrote the file.
    Newer {
        /// The file.
        path: String,
        /// Its format's version.
        version: u32,
    },
}

impl ManifestError {
    /// Whether the disk is full.
    pub(crate) fn is_full_disk(&self) -> bool {
        matches!(self, Self::Io { source } if source.kind() == io::ErrorKind::StorageFull)
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { source } => write!(f, "the manifest: {source}"),
            Self::Missing { path } => write!(
                f,
                "reading the manifest {path}: it is not there, but other files are: the directory \
                 was copied partly, or the file was removed; `spoor check --repair` makes another \
                 of what is there"
            ),
            Self::NoLog { path } => write!(
                f,
                "opening the log {path}: it is not there, but the manifest tells of it: the \
                 manifest is older than the files beside it, the directory was copied partly, or \
                 the file was removed; `spoor check --repair` keeps what is there"
            ),
            Self::Number { path } => write!(
                f,
                "numbering files behind {path}: its number is one that no store gives; remove it"
            ),
            Self::Damaged { path } => {
                write!(f, "reading the manifest {path}: it is damaged or was cut short")
            }
            Self::Newer { path, version } => write!(
                f,
                "reading the manifest {path}: its format has version {version}, this program \
                 knows {VERSION}: use a newer one"
            ),
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source } => Some(source),
            _ => None,
        }
    }
}
