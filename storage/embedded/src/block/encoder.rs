//! Makes blocks of rows.

use std::{fmt, io};

use super::attributes::Attributes;
use super::column::Column;
use super::directory::{self, MOST_ROWS, MOST_VALUES};
use super::filter_entries;
use super::gather::{Gathered, Scratch, gather};
use super::packed::Packer;
use super::streams::{Stream, Values};
use super::{BlockIndex, fixed, ints, texts};
use crate::rows::{RebuildError, Rows};

/// Makes blocks, one after the other, in memory that it keeps.
pub struct Encoder {
    packer: Packer,
    scratch: Scratch,
}

/// A block, ready to be written.
#[derive(Clone, Debug)]
pub struct EncodedBlock {
    /// The block.
    pub bytes: Vec<u8>,
    /// What is known of it without reading it; its offset is zero.
    pub index: BlockIndex,
    /// The entries of its filter: see [`super::entries`]. None is there twice, but for keys with
    /// values of several types, and for values of several types that have one text form.
    pub entries: Vec<u64>,
}

/// Why rows cannot be made a block.
#[derive(Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// They are more than [`MOST_ROWS`].
    Rows(usize),
    /// The block is 4 GiB or longer.
    Bytes(usize),
    /// A row tells of something that is not there.
    Rebuild(RebuildError),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("encoding a block: ")?;
        match self {
            Self::Rows(rows) => write!(f, "{rows} rows are more than {MOST_ROWS}"),
            Self::Bytes(bytes) => write!(f, "its {bytes} bytes are 4 GiB or more"),
            Self::Rebuild(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rebuild(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

impl Encoder {
    /// An encoder.
    ///
    /// # Errors
    /// When there is no memory for compression.
    pub fn new() -> io::Result<Self> {
        Ok(Self { packer: Packer::new()?, scratch: Scratch::default() })
    }

    /// Makes a block of rows, which stand trace by trace, each trace at one place only.
    ///
    /// About 8,192 rows, or 4 MiB of what they are made of, suit a block.
    ///
    /// # Errors
    /// When the rows are more than a block can hold.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn encode(&mut self, rows: &Rows, order: &[u32]) -> Result<EncodedBlock, EncodeError> {
        if order.len() > MOST_ROWS as usize {
            return Err(EncodeError::Rows(order.len()));
        }
        let gathered = gather(rows, order, &mut self.scratch)?;
        let mut entries = Vec::new();
        filter_entries::add(rows, &gathered, &mut entries);
        let mut body = Body { packer: &mut self.packer, columns: Vec::new(), bytes: Vec::new() };
        body.put_rows(rows, &gathered)?;
        body.put_streams(rows, &gathered, &mut self.scratch, &mut entries)?;
        let bytes = body.finish(order.len(), gathered.traces.ids.len())?;
        let extent = gathered.extent;
        let index = BlockIndex {
            offset: 0,
            len: bytes.len() as u32,
            rows: order.len() as u32,
            traces: gathered.traces.ids.len() as u32,
            min_start: extent.min_start,
            max_start: extent.max_start,
            min_duration: clamp(extent.min_duration),
            max_duration: clamp(extent.max_duration),
        };
        Ok(EncodedBlock { bytes, index, entries })
    }
}

fn clamp(nanos: i128) -> i64 {
    nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// The columns of a block.
struct Body<'p> {
    packer: &'p mut Packer,
    /// With length and checksum.
    columns: Vec<(Column, u32, u32)>,
    bytes: Vec<u8>,
}

impl Body<'_> {
    /// Appends a column, unless it has no values.
    fn put(
        &mut self,
        column: Column,
        values: usize,
        encode: impl FnOnce(&mut Packer, &mut Vec<u8>),
    ) -> Result<(), EncodeError> {
        debug_assert!(values <= MOST_VALUES, "rows of more values are kept as their bytes");
        if values == 0 {
            return Ok(());
        }
        let start = self.bytes.len();
        encode(self.packer, &mut self.bytes);
        let bytes = &self.bytes[start..];
        let len = u32::try_from(bytes.len()).map_err(|_| EncodeError::Bytes(bytes.len()))?;
        self.columns.push((column, len, crc32fast::hash(bytes)));
        Ok(())
    }

    /// Appends what is there of rows and traces.
    fn put_rows(&mut self, rows: &Rows, gathered: &Gathered<'_>) -> Result<(), EncodeError> {
        let Gathered { tables, layout, traces, names, columns, .. } = gathered;
        let rows_len = names.numbers.len();
        // Tables and traces first: what is read most stands behind the directory.
        self.put(Column::Tables, 1, |packer, out| tables.put(packer, out))?;
        self.put(Column::TraceIds, traces.ids.len(), |_, out| fixed::put(&traces.ids, out))?;
        self.put_numbers(Column::TraceSpans, &traces.spans)?;
        self.put(Column::Names, rows_len, |packer, out| {
            let texts = names.texts.iter().map(|code| rows.text(*code));
            texts::put_dictionary(texts, packer, out);
            texts::put_codes(&names.numbers, names.texts.len(), packer, out);
        })?;
        self.put_numbers(Column::Templates, &layout.stored_templates(&names.numbers))?;
        self.put(Column::Origins, 1, |packer, out| gathered.origins.put(packer, out))?;
        self.put_numbers(Column::SpanOrigins, &gathered.span_origins)?;
        self.put_numbers(Column::Parents, &columns.parents)?;
        self.put_signed(Column::TraceStarts, &traces.starts)?;
        self.put_signed(Column::Starts, &columns.starts)?;
        self.put(Column::Durations, rows_len, |packer, out| {
            // Those that do not fit in 63 bits and a sign lie on the other side of zero.
            let extent = gathered.extent;
            let fit = i128::from(clamp(extent.min_duration)) == extent.min_duration
                && i128::from(clamp(extent.max_duration)) == extent.max_duration;
            out.push(u8::from(!fit));
            ints::put_signed(&columns.durations, packer, out);
        })?;
        self.put(Column::ForeignParents, columns.foreign_parents.len(), |_, out| {
            fixed::put(&columns.foreign_parents, out);
        })?;
        self.put(Column::SpanIds, rows_len, |_, out| fixed::put(&gathered.span_ids, out))?;
        self.put(Column::Raw, gathered.raw.len(), |packer, out| {
            texts::put_dictionary(gathered.raw.iter().map(Vec::as_slice), packer, out);
        })
    }

    /// Appends what is there of spans' words.
    fn put_streams(
        &mut self,
        rows: &Rows,
        gathered: &Gathered<'_>,
        scratch: &mut Scratch,
        entries: &mut Vec<u64>,
    ) -> Result<(), EncodeError> {
        for Stream { column, values, .. } in gathered.streams.iter() {
            if let Column::Attribute { level, slot } = *column {
                self.put(*column, values.len(), |packer, out| {
                    Attributes { rows, tables: &gathered.tables, level, slot }.put(
                        values,
                        &mut scratch.texts,
                        packer,
                        out,
                        entries,
                    );
                })?;
                continue;
            }
            match values {
                Values::Texts(codes) => self.put(*column, codes.len(), |packer, out| {
                    let (numbers, distinct) = scratch.texts.number(codes, rows.texts());
                    texts::put_dictionary(
                        distinct.iter().map(|code| rows.text(*code)),
                        packer,
                        out,
                    );
                    texts::put_codes(&numbers, distinct.len(), packer, out);
                })?,
                Values::Numbers(numbers) if *column == Column::EventTimes => {
                    let differences: Vec<_> =
                        numbers.iter().map(|difference| difference.cast_signed()).collect();
                    self.put_signed(*column, &differences)?;
                }
                Values::Numbers(numbers) => self.put_numbers(*column, numbers)?,
            }
        }
        Ok(())
    }

    fn put_numbers<T: Copy + Into<u64>>(
        &mut self,
        column: Column,
        numbers: &[T],
    ) -> Result<(), EncodeError> {
        self.put(column, numbers.len(), |packer, out| ints::put(numbers, packer, out))
    }

    fn put_signed(&mut self, column: Column, numbers: &[i64]) -> Result<(), EncodeError> {
        self.put(column, numbers.len(), |packer, out| ints::put_signed(numbers, packer, out))
    }

    fn finish(self, rows: usize, traces: usize) -> Result<Vec<u8>, EncodeError> {
        // A column takes at most 10 bytes there.
        let mut bytes = Vec::with_capacity(64 + self.columns.len() * 10 + self.bytes.len());
        directory::put(rows as u32, traces as u32, &self.columns, &mut bytes);
        bytes.extend_from_slice(&self.bytes);
        if u32::try_from(bytes.len()).is_err() {
            return Err(EncodeError::Bytes(bytes.len()));
        }
        Ok(bytes)
    }
}
