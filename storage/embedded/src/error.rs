use std::{fmt, io};

use spoor_store::WriteError;

use crate::block::{BlockError, EncodeError};
use crate::log::LogError;
use crate::manifest::ManifestError;
use crate::segment::SegmentError;

/// Why a store cannot be opened, or copied.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        /// The directory.
        directory: String,
        /// What that process wrote of itself, such as `process 4711`.
        holder: String,
    },
    /// The directory or a file of it cannot be used.
    Io(io::Error),
    /// A tenant's manifest cannot be used.
    Manifest(ManifestError),
    /// A segment cannot be used.
    Segment(SegmentError),
    /// A log cannot be used.
    Log(LogError),
    /// What was logged cannot be written to a segment.
    Maintenance(MaintenanceError),
    /// The options contradict each other.
    Options(String),
    /// Its copy cannot be made.
    Copy {
        /// The copy's directory.
        target: String,
        /// Why not.
        source: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { directory, holder } => {
                write!(f, "opening the store in {directory}: {holder} has it open")
            }
            Self::Io(error) => write!(f, "opening the store: {error}"),
            Self::Manifest(error) => write!(f, "opening the store: {error}"),
            Self::Segment(error) => write!(f, "opening the store: {error}"),
            Self::Log(error) => write!(f, "opening the store: {error}"),
            Self::Maintenance(error) => write!(f, "opening the store: {error}"),
            Self::Options(reason) => write!(f, "opening the store: {reason}"),
            Self::Copy { target, source } => write!(f, "copying the store to {target}: {source}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Locked { .. } | Self::Options(_) => None,
            Self::Io(error) | Self::Copy { source: error, .. } => Some(error),
            Self::Manifest(error) => Some(error),
            Self::Segment(error) => Some(error),
            Self::Log(error) => Some(error),
            Self::Maintenance(error) => Some(error),
        }
    }
}

/// Whether writing is not permitted at all, which no time heals.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Why a segment was not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// Spans could not be encoded.
    Encode(EncodeError),
    /// A block could not be read.
    Block(BlockError),
    /// A segment could not be read or written.
    Segment(SegmentError),
    /// The manifest could not be replaced.
    Manifest(ManifestError),
    /// Spans that were put together are not those that were taken apart.
    Rebuilt(WriteError),
    /// Memory for encoding could not be had.
    Memory(io::Error),
    /// The store is being closed.
    Stopped,
}

impl MaintenanceError {
    /// Whether a file is not what was written, so that another attempt finds the same.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Block(error) | Self::Segment(SegmentError::Block { source: error, .. }) => {
                !matches!(error, BlockError::Io { .. })
            }
            Self::Segment(error) => !matches!(error, SegmentError::Io { .. }),
            Self::Rebuilt(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for MaintenanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => error.fmt(f),
            Self::Block(error) => error.fmt(f),
            Self::Segment(error) => error.fmt(f),
            Self::Manifest(error) => error.fmt(f),
            Self::Rebuilt(error) => write!(f, "merging segments: {error}"),
            Self::Memory(error) => write!(f, "making ready to encode spans: {error}"),
            Self::Stopped => f.write_str("merging segments: the store is being closed"),
        }
    }
}

impl std::error::Error for MaintenanceError {}

macro_rules! from {
    ($($to:ident::$variant:ident($from:ty)),* $(,)?) => {
        $(impl From<$from> for $to {
            fn from(error: $from) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from!(
    OpenError::Io(io::Error),
    OpenError::Manifest(ManifestError),
    OpenError::Segment(SegmentError),
    OpenError::Log(LogError),
    OpenError::Maintenance(MaintenanceError),
    MaintenanceError::Encode(EncodeError),
    MaintenanceError::Block(BlockError),
    MaintenanceError::Segment(SegmentError),
    MaintenanceError::Manifest(ManifestError),
    MaintenanceError::Rebuilt(WriteError),
    MaintenanceError::Memory(io::Error),
);
