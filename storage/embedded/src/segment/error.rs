use std::fmt;
use std::io;
use std::sync::Arc;

use super::VERSION;
use crate::block::BlockError;

/// Why a segment can't be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum SegmentError {
    /// The disk failed.
    Io {
        /// The file.
        path: Arc<str>,
        /// What was being done.
        doing: Doing,
        /// The disk's error, which names the file.
        source: io::Error,
    },
    /// The file ends before the segment does.
    CutShort {
        /// The file.
        path: Arc<str>,
        /// Its length.
        bytes: u64,
    },
    /// The file begins and ends as no segment does.
    NotASegment {
        /// The file.
        path: Arc<str>,
    },
    /// A later version of the program wrote the file.
    Newer {
        /// The file.
        path: Arc<str>,
        /// Its format's version.
        version: u32,
    },
    /// The bytes are not those that were written.
    Damaged {
        /// The file.
        path: Arc<str>,
        /// Where.
        part: Part,
    },
    /// It is not the segment that the manifest tells of.
    Another {
        /// The file.
        path: Arc<str>,
    },
    /// A block can't be read.
    Block {
        /// The segment's file.
        path: Arc<str>,
        /// The block's place in the segment.
        block: u32,
        /// Why.
        source: BlockError,
    },
}

/// What was being done to a segment when the disk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// Opening the file.
    Open,
    /// Reading a part.
    Read(Part),
    /// Writing the file, making it durable or giving it its name.
    Write,
}

/// A part of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The header.
    Header,
    /// A block, by its place in the segment.
    Block(u32),
    /// A page of the filters, by its place among them.
    FilterPage(u64),
    /// The catalogue of operations.
    Operations,
    /// The catalogue of attribute keys.
    Attributes,
    /// The directory: what the segment is and where its blocks lie.
    Directory,
    /// The first of the two copies of the catalogue and the directory.
    FirstCopy,
    /// The second of them.
    SecondCopy,
}

impl SegmentError {
    /// The segment's file.
    pub fn path(&self) -> &str {
        match self {
            Self::Io { path, .. }
            | Self::CutShort { path, .. }
            | Self::NotASegment { path }
            | Self::Newer { path, .. }
            | Self::Damaged { path, .. }
            | Self::Another { path }
            | Self::Block { path, .. } => path,
        }
    }
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, source, .. } => write!(f, "{doing}: {source}"),
            Self::CutShort { path, bytes } => write!(
                f,
                "opening segment {path}: it was cut short or copied partly, its end is missing \
                 after {bytes} bytes"
            ),
            Self::NotASegment { path } => {
                write!(f, "opening segment {path}: the file is not a segment")
            }
            Self::Newer { path, version } => write!(
                f,
                "opening segment {path}: its format has version {version}, this program knows \
                 {VERSION}: use a newer one"
            ),
            Self::Damaged { path, part } => {
                write!(f, "reading segment {path}: {part} is damaged")
            }
            Self::Another { path } => write!(
                f,
                "opening segment {path}: its numbers are not those that the manifest has of it: \
                 one of the two was replaced"
            ),
            Self::Block { path, block, source } => {
                write!(f, "reading block {block} of segment {path}: {source}")
            }
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("opening a segment"),
            Self::Read(part) => write!(f, "reading {part} of a segment"),
            Self::Write => f.write_str("writing a segment"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the header"),
            Self::Block(block) => write!(f, "block {block}"),
            Self::FilterPage(page) => write!(f, "page {page} of the filters"),
            Self::Operations => f.write_str("the catalogue of operations"),
            Self::Attributes => f.write_str("the catalogue of attribute keys"),
            Self::Directory => f.write_str("the directory"),
            Self::FirstCopy => f.write_str("the first copy of catalogue and directory"),
            Self::SecondCopy => f.write_str("the second copy of catalogue and directory"),
        }
    }
}

impl std::error::Error for SegmentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Block { source, .. } => Some(source),
            _ => None,
        }
    }
}
