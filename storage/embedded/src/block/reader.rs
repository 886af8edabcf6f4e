//! Reads the columns of a block.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::bytes::{Input, Invalid};
use super::column::Column;
use super::directory::{self, CHECKSUM, Directory, Flaw, MOST_VALUES, NO_VERSION, PREFIX};
use super::error::{BlockError, BlockPart};
use super::fixed::Fixed;
use super::ints;
use super::layout::Layout;
use super::numbers::Numbers;
use super::tables::{Shaped, Tables};
use super::text_columns::TextColumn;
use crate::disk::ReadFile;
use crate::rows::Template;

/// What is read at first: the directory and the tables of most blocks.
const FIRST_READ: u32 = 8 << 10;

/// A block up to this long is read at once when spans are needed: they have values in most
/// columns, and a disk takes little longer for all of them than for one.
const WHOLE_READ: u32 = 1 << 20;

/// A block that is open for reading.
///
/// It keeps what says where values are, some ten bytes a row, once that was needed, and all of its
/// bytes once spans were read. Else columns are read each time they are asked for.
#[derive(Debug)]
pub struct Reader {
    file: Arc<dyn ReadFile>,
    offset: u64,
    len: u32,
    /// The block's first bytes.
    head: Bytes,
    whole: OnceLock<Bytes>,
    directory: Directory,
    tables: OnceLock<Arc<Tables>>,
    layout: OnceLock<Layout>,
    names: OnceLock<TextColumn>,
    /// The rows of each trace, once one was asked for by its id.
    traces: OnceLock<HashMap<[u8; 16], Range<u32>>>,
}

impl Reader {
    /// Opens the block that takes these bytes of a file.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn open(file: Arc<dyn ReadFile>, offset: u64, len: u32) -> Result<Self, BlockError> {
        let part = BlockPart::Directory;
        let read = |range| read(&*file, offset, range, part);
        let mut head = read(0..FIRST_READ.min(len))?;
        let invalid = BlockError::damaged(part);
        let Some(prefix) = head.first_chunk::<PREFIX>() else {
            return Err(invalid(Invalid("it is shorter than any block")));
        };
        let directory_len = match directory::len(prefix) {
            Ok(directory_len) if directory_len <= len => directory_len,
            Ok(_) => return Err(invalid(Invalid("it is longer than the block"))),
            Err(Flaw::Invalid(flaw)) => return Err(invalid(flaw)),
            Err(Flaw::Newer(version)) => {
                let block = read(0..len)?;
                return Err(if directory::is_only_version_wrong(&block) {
                    invalid(NO_VERSION)
                } else {
                    BlockError::Newer(version)
                });
            }
        };
        if directory_len as usize > head.len() {
            head = read(0..directory_len)?;
        }
        let directory = Directory::get(&head[..directory_len as usize], len).map_err(invalid)?;
        Ok(Self {
            file,
            offset,
            len,
            head,
            whole: OnceLock::new(),
            directory,
            tables: OnceLock::new(),
            layout: OnceLock::new(),
            names: OnceLock::new(),
            traces: OnceLock::new(),
        })
    }

    /// The number of spans.
    pub fn rows(&self) -> u32 {
        self.directory.rows
    }

    /// The number of traces.
    pub fn traces(&self) -> u32 {
        self.directory.traces
    }

    /// The columns with their lengths in bytes.
    pub fn columns(&self) -> impl Iterator<Item = (Column, u32)> + '_ {
        let columns = self.directory.columns().iter();
        columns.map(|(column, place)| (*column, place.bytes.end - place.bytes.start))
    }

    /// The key of an attribute's column; none of other columns.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub fn key(&self, column: Column) -> Result<Option<&[u8]>, BlockError> {
        let Column::Attribute { slot, .. } = column else { return Ok(None) };
        let tables = self.tables()?;
        let slot = tables.slots.get(slot as usize);
        // A slot's key is there: that was checked as the tables were read.
        Ok(slot.map(|slot| &tables.keys[slot.key as usize][..]))
    }

    /// Reads every column and compares its checksum.
    ///
    /// # Errors
    /// When one cannot be read or is damaged: the first of them.
    pub fn check(&self) -> Result<(), BlockError> {
        self.directory.columns().iter().try_for_each(|(column, _)| self.bytes(*column).map(drop))
    }

    /// Reads all of the block, unless it is long.
    pub(super) fn read_whole(&self) -> Result<(), BlockError> {
        if self.len <= WHOLE_READ {
            get_or_try_init(&self.whole, || {
                read(&*self.file, self.offset, 0..self.len, BlockPart::Columns)
            })?;
        }
        Ok(())
    }

    /// The names, by row.
    pub(super) fn names(&self) -> Result<&TextColumn, BlockError> {
        get_or_try_init(&self.names, || self.texts(Column::Names, self.directory.rows as usize))
    }

    pub(super) fn rows_by_trace(&self) -> Result<&HashMap<[u8; 16], Range<u32>>, BlockError> {
        get_or_try_init(&self.traces, || {
            Ok(self.trace_ids()?.into_iter().zip(self.trace_rows()?).collect())
        })
    }

    pub(super) fn tables(&self) -> Result<&Arc<Tables>, BlockError> {
        get_or_try_init(&self.tables, || {
            self.decode_all(Column::Tables, 1, Tables::get).map(Arc::new)
        })
    }

    pub(super) fn layout(&self) -> Result<&Layout, BlockError> {
        get_or_try_init(&self.layout, || {
            let rows = self.directory.rows as usize;
            let templates = self.numbers::<u32>(Column::Templates, rows)?;
            let count = self.tables()?.spans.len();
            Layout::of_stored(&self.names()?.numbers, &templates, count)
                .map_err(BlockError::in_column(Column::Templates))
        })
    }

    pub(super) fn numbers<T: Copy + TryFrom<u64>>(
        &self,
        column: Column,
        count: usize,
    ) -> Result<Vec<T>, BlockError> {
        self.decode(column, count, |input| ints::get(input, count))
    }

    pub(super) fn signed(&self, column: Column, count: usize) -> Result<Vec<i64>, BlockError> {
        self.decode(column, count, |input| ints::get_signed(input, count))
    }

    /// Values of a column of ids: those with these indices, which are there.
    pub(super) fn some_fixed<const N: usize>(
        &self,
        column: Column,
        count: usize,
        indices: &[usize],
    ) -> Result<Vec<[u8; N]>, BlockError> {
        self.decode(column, count, |input| {
            let fixed = Fixed::get(input, count)?;
            let ids = indices.iter().map(|index| fixed.at(*index));
            ids.collect::<Option<_>>().ok_or(Invalid("it has too few values"))
        })
    }

    /// The numbers of a column of which some are needed.
    pub(super) fn some_numbers(&self, column: Column, count: usize) -> Result<Numbers, BlockError> {
        self.decode(column, count, |input| Numbers::get(input, count))
    }

    /// Decodes a column to its end. Without values it is not there.
    pub(super) fn decode<T: Default>(
        &self,
        column: Column,
        count: usize,
        decode: impl FnOnce(&mut Input<'_>) -> Result<T, Invalid>,
    ) -> Result<T, BlockError> {
        self.decode_all(column, count, |bytes| {
            let mut input = Input::new(bytes);
            let decoded = decode(&mut input)?;
            input.end()?;
            Ok(decoded)
        })
    }

    pub(super) fn decode_all<T: Default>(
        &self,
        column: Column,
        count: usize,
        decode: impl FnOnce(&[u8]) -> Result<T, Invalid>,
    ) -> Result<T, BlockError> {
        match self.present(column, count)? {
            Some(bytes) => decode(&bytes).map_err(BlockError::in_column(column)),
            None => Ok(T::default()),
        }
    }

    /// The bytes of a column, none if it has no values.
    pub(super) fn present(
        &self,
        column: Column,
        count: usize,
    ) -> Result<Option<Bytes>, BlockError> {
        match count {
            0 => Ok(None),
            1..=MOST_VALUES => match self.bytes(column)? {
                Some(bytes) => Ok(Some(bytes)),
                None => Err(BlockError::in_column(column)(MISSING)),
            },
            _ => Err(BlockError::in_column(column)(TOO_MANY)),
        }
    }

    /// The bytes of a column, if it is there.
    pub(super) fn bytes(&self, column: Column) -> Result<Option<Bytes>, BlockError> {
        let Some(place) = self.directory.find(column) else { return Ok(None) };
        let Range { start, end } = place.bytes;
        let read_before = self.whole.get().unwrap_or(&self.head);
        let bytes = if end as usize <= read_before.len() {
            read_before.slice(start as usize..end as usize)
        } else {
            read(&*self.file, self.offset, start..end, BlockPart::Column(column))?
        };
        if crc32fast::hash(&bytes) != place.checksum {
            return Err(BlockError::in_column(column)(CHECKSUM));
        }
        Ok(Some(bytes))
    }
}

pub(super) const MISSING: Invalid = Invalid("it is missing");
pub(super) const TOO_MANY: Invalid = Invalid("it has too many values");

/// The template with this number, which a layout tells of: its numbers were checked.
pub(super) fn template_of(tables: &Tables, number: u32) -> &Template {
    let Shaped { template, .. } = &tables.spans[number as usize];
    template
}

/// Reads a part of the block that begins at `offset`. The block's length is told by who knows it,
/// so nothing is allocated beyond it.
fn read(
    file: &dyn ReadFile,
    offset: u64,
    range: Range<u32>,
    part: BlockPart,
) -> Result<Bytes, BlockError> {
    let end = offset.checked_add(range.end.into());
    if end.is_none_or(|end| end > file.len()) {
        return Err(BlockError::damaged(part)(Invalid("the file ends before it")));
    }
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, offset + u64::from(range.start))
        .map_err(|source| BlockError::Io { part, source })?;
    Ok(bytes.into())
}

fn get_or_try_init<T>(
    cell: &OnceLock<T>,
    init: impl FnOnce() -> Result<T, BlockError>,
) -> Result<&T, BlockError> {
    match cell.get() {
        Some(value) => Ok(value),
        None => {
            let value = init()?;
            Ok(cell.get_or_init(|| value))
        }
    }
}
