use std::sync::Arc;

use spoor_store::otlp::SpanKind;

use super::catalogue::{ListCursor, ListPlace, Mirrored, OperationKey, SortedKeys, key};
use super::directory::Directory;
use super::error::{Doing, Part, SegmentError};
use super::filter::Filters;
use super::locate::read_directory;
use super::matrix::{self, Class, Prober, read_columns};
use super::source::Source;
use super::{SegmentInfo, VERSION};
use crate::bitmap::Bitmap;
use crate::block::{self, BlockError, BlockIndex};
use crate::disk::Disk;

/// A segment that is open for reading. In memory it has what the directory tells, less than 100
/// bytes a block.
#[derive(Debug)]
pub struct Segment {
    source: Source,
    directory: Directory,
    classes: Vec<Class>,
}

/// The blocks that may have each of several entries.
#[derive(Debug)]
pub struct Candidates {
    /// The blocks, for each entry that was asked for.
    pub blocks: Vec<Bitmap>,
    /// The first page of the filters that could not be used, if there is one. It ruled no block
    /// out, so the answer has blocks too many but lacks none.
    pub unread: Option<SegmentError>,
}

impl Segment {
    /// Opens a segment.
    ///
    /// # Errors
    /// When the file can't be read, is cut short, of a newer format or no segment, or when both
    /// copies of its directory are damaged.
    pub fn open(disk: &dyn Disk, path: &str) -> Result<Self, SegmentError> {
        let file = disk.open(path).map_err(|source| SegmentError::Io {
            path: path.into(),
            doing: Doing::Open,
            source,
        })?;
        let source = Source::new(path, file);
        let directory = read_directory(&source)?;
        let classes = matrix::classes(&directory.filter_bits, directory.filters);
        if classes.last().map_or(directory.filters, Class::end) != directory.catalogue() {
            return Err(source.damaged(Part::Directory));
        }
        Ok(Self { source, directory, classes })
    }

    /// Opens a segment of which the manifest tells this.
    ///
    /// # Errors
    /// As [`Segment::open`], and when the file is another segment.
    pub fn open_as(disk: &dyn Disk, path: &str, info: &SegmentInfo) -> Result<Self, SegmentError> {
        let segment = Self::open(disk, path)?;
        if segment.info() == info {
            Ok(segment)
        } else {
            Err(SegmentError::Another { path: Arc::clone(segment.source.path()) })
        }
    }

    /// What the segment is.
    pub fn info(&self) -> &SegmentInfo {
        &self.directory.info
    }

    /// Whether the filters of its blocks have all entries that are written today.
    pub(crate) fn has_all_entries(&self) -> bool {
        self.directory.version == VERSION
    }

    /// The file.
    pub fn path(&self) -> &str {
        self.source.path()
    }

    /// What is known of each block without reading it.
    pub fn blocks(&self) -> &[BlockIndex] {
        &self.directory.blocks
    }

    /// Opens a block.
    ///
    /// # Errors
    /// When its directory can't be read.
    ///
    /// # Panics
    /// When the segment has no such block.
    pub fn block(&self, block: u32) -> Result<block::Reader, SegmentError> {
        let index = &self.directory.blocks[block as usize];
        block::Reader::open(Arc::clone(self.source.file()), index.offset, index.len)
            .map_err(|error| self.error_in(block, error))
    }

    /// An error of a block's reader, with the block's name.
    pub fn error_in(&self, block: u32, source: BlockError) -> SegmentError {
        SegmentError::Block { path: Arc::clone(self.source.path()), block, source }
    }

    /// The bytes of a block. Whether they are damaged is for its reader to tell.
    ///
    /// # Errors
    /// When they can't be read.
    ///
    /// # Panics
    /// When the segment has no such block.
    pub fn read_block(&self, block: u32) -> Result<Vec<u8>, SegmentError> {
        let index = &self.directory.blocks[block as usize];
        self.source.read(index.offset, index.len as usize, Part::Block(block))
    }

    /// The blocks of `within` that may have each of these entries.
    pub fn candidates(&self, hashes: &[u64], within: &Bitmap) -> Candidates {
        let mut prober = Prober::new(&self.source, &self.classes);
        let blocks = hashes.iter().map(|hash| prober.probe(*hash, within)).collect();
        Candidates { blocks, unread: prober.into_unread() }
    }

    /// The filters of these blocks, each named once, for [`super::SegmentWriter::copy`]. The
    /// filters of all are read at once, so ask for many.
    ///
    /// A damaged page gives filters that pass more than they should; `damaged` is told.
    ///
    /// # Errors
    /// When they can't be read.
    ///
    /// # Panics
    /// When the segment has no such block.
    pub fn filters(
        &self,
        blocks: &[u32],
        mut damaged: impl FnMut(SegmentError),
    ) -> Result<Filters, SegmentError> {
        let mut filters = Filters::default();
        for block in blocks {
            filters.push_empty(self.directory.filter_bits[*block as usize]);
        }
        for class in &self.classes {
            let columns: Vec<_> = blocks
                .iter()
                .enumerate()
                .filter_map(|(place, block)| {
                    Some((class.blocks().binary_search(block).ok()?, place))
                })
                .collect();
            if !columns.is_empty() {
                read_columns(&self.source, class, &columns, &mut filters, &mut damaged)?;
            }
        }
        Ok(filters)
    }

    /// The operations, as [`OperationKey`]s.
    ///
    /// # Errors
    /// When they can't be read or both copies are damaged.
    pub fn operations(&self) -> Result<ListCursor, SegmentError> {
        self.list(self.directory.operations, Part::Operations)
    }

    /// The attributes' keys, as [`super::AttributeKey`]s.
    ///
    /// # Errors
    /// When they can't be read or both copies are damaged.
    pub fn attributes(&self) -> Result<ListCursor, SegmentError> {
        self.list(self.directory.attributes, Part::Attributes)
    }

    /// Tells the names of the services that have operations, sorted, the empty one included, for
    /// as long as `tell` wants more.
    ///
    /// # Errors
    /// As [`Segment::operations`].
    pub fn for_each_service(&self, mut tell: impl FnMut(&str) -> bool) -> Result<(), SegmentError> {
        let mut cursor = self.operations()?;
        let mut more = cursor.advance()?;
        while more {
            let service = self.operation(cursor.key())?.service;
            if !tell(&service) {
                break;
            }
            let end = key::after_operations_of(&service);
            more = cursor.seek(&end)?;
        }
        Ok(())
    }

    /// Tells the operations of a service, of one kind or of every kind, sorted, for as long as
    /// `tell` wants more.
    ///
    /// # Errors
    /// As [`Segment::operations`].
    pub fn for_each_operation(
        &self,
        service: &str,
        kind: Option<SpanKind>,
        mut tell: impl FnMut(&str, SpanKind) -> bool,
    ) -> Result<(), SegmentError> {
        let mut cursor = self.operations()?;
        let mut more = cursor.seek(&key::before_operations_of(service))?;
        let end = key::after_operations_of(service);
        while more && cursor.key() < end.as_slice() {
            let operation = self.operation(cursor.key())?;
            let is_wanted = kind.is_none_or(|kind| kind == operation.kind);
            if is_wanted && !tell(&operation.name, operation.kind) {
                break;
            }
            more = cursor.advance()?;
        }
        Ok(())
    }

    fn operation<'k>(&self, key: &'k [u8]) -> Result<OperationKey<'k>, SegmentError> {
        OperationKey::decode(key).ok_or_else(|| self.source.damaged(Part::Operations))
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }

    fn list(&self, place: ListPlace, part: Part) -> Result<ListCursor, SegmentError> {
        let distance = self.directory.copy_len();
        ListCursor::open(Mirrored { source: self.source.clone(), distance, part }, place)
    }
}
