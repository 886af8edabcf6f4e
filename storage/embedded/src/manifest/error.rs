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

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { source } => write!(f, "the manifest: {source}"),
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
