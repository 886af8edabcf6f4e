use std::{fmt, io};

use super::bytes::Invalid;
use super::column::Column;
use super::directory::VERSION;
use crate::rows::RebuildError;

/// Why a block, or a part of it, cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum BlockError {
    /// The disk did not give the bytes.
    Io {
        /// What was being read.
        part: BlockPart,
        /// What the disk said.
        source: io::Error,
    },
    /// The bytes are not those that were written.
    Damaged {
        /// What was being read.
        part: BlockPart,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A later version of the program wrote the block: that is its format's version.
    Newer(u8),
    /// A row does not make a span.
    Row(RebuildError),
}

/// A part of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockPart {
    /// The list of columns in front of them.
    Directory,
    /// One column.
    Column(Column),
    /// All columns.
    Columns,
}

impl BlockError {
    pub(super) fn damaged(part: BlockPart) -> impl FnOnce(Invalid) -> Self {
        move |Invalid(reason)| Self::Damaged { part, reason }
    }

    pub(super) fn in_column(column: Column) -> impl FnOnce(Invalid) -> Self {
        Self::damaged(BlockPart::Column(column))
    }
}

impl fmt::Display for BlockPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("the directory"),
            Self::Column(column) => write!(f, "the column {column:?}"),
            Self::Columns => f.write_str("the columns"),
        }
    }
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { part, source } => write!(f, "reading {part} of a block: {source}"),
            Self::Damaged { part, reason } => write!(f, "reading {part} of a block: {reason}"),
            Self::Newer(version) => write!(
                f,
                "reading a block: its format has version {version}, this program knows \
                 {VERSION}: use a newer one"
            ),
            Self::Row(error) => write!(f, "putting a span of a block together: {error}"),
        }
    }
}

impl std::error::Error for BlockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
