//! Columns in memory: the values of a row group, and where they stand.
//!
//! A column of Parquet is a leaf of the schema. Each of its values has a definition level, how
//! many of the optional and repeated fields around it are there, and a repetition level, the depth
//! of the innermost list that goes on with it; 0 begins a row.

use std::ops::Range;

use bytes::Bytes;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;

/// The fewest levels that are handed over at a time, unless a row group has fewer.
const BATCH: usize = 8 << 10;

/// Where a value stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    definition: i16,
    repetition: i16,
    /// How many lists there are around it.
    depth: i16,
}

impl Place {
    /// That of an optional value that is there.
    pub(crate) fn defined(self) -> Self {
        Self { definition: self.definition + 1, ..self }
    }

    /// That of an element of a list that stands here.
    pub(crate) fn element(self, index: usize) -> Self {
        let depth = self.depth + 1;
        let repetition = if index == 0 { self.repetition } else { depth };
        Self { definition: self.definition + 1, repetition, depth }
    }
}

/// A column.
#[derive(Debug, Default)]
pub(crate) struct Column<V> {
    values: V,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

pub(crate) type Texts = Column<TextValues>;
pub(crate) type Longs = Column<Vec<i64>>;
pub(crate) type Counts = Column<Vec<i32>>;

impl<V> Column<V> {
    fn end_at(&mut self, at: Place) {
        self.definitions.push(at.definition);
        self.repetitions.push(at.repetition);
    }
}

impl Texts {
    pub(crate) fn push(&mut self, text: &str, at: Place) {
        self.end(at, |bytes| bytes.extend_from_slice(text.as_bytes()));
    }

    /// An id in hexadecimal digits.
    pub(crate) fn push_id(&mut self, id: &[u8], at: Place) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        self.end(at, |bytes| bytes.extend(id.iter().flat_map(digits)));
    }

    /// An id that may not be there; then it has no bytes.
    pub(crate) fn push_optional_id(&mut self, id: &[u8], at: Place) {
        if id.is_empty() { self.push_none(at) } else { self.push_id(id, at.defined()) }
    }

    fn end(&mut self, at: Place, put: impl FnOnce(&mut Vec<u8>)) {
        put(&mut self.values.bytes);
        self.values.ends.push(self.values.bytes.len());
        self.end_at(at);
    }
}

impl Longs {
    pub(crate) fn push(&mut self, value: Option<i64>, at: Place) {
        self.values.extend(value);
        self.end_at(if value.is_some() { at.defined() } else { at });
    }
}

impl Counts {
    pub(crate) fn push(&mut self, count: u32, at: Place) {
        // Parquet keeps unsigned numbers in the bits of signed ones.
        self.values.push(count.cast_signed());
        self.end_at(at);
    }
}

/// A column of any type.
pub(crate) trait Leaf {
    /// Appends a value that is not there, be it optional or of a list that is empty.
    fn push_none(&mut self, at: Place);
    /// What it takes in memory.
    fn bytes(&self) -> usize;
    /// Writes it, and empties it.
    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()>;
}

/// The values of a column that are there.
pub(crate) trait Values {
    type Type: DataType;
    fn bytes(&self) -> usize;
    fn clear(&mut self);
    /// Hands over some of them.
    fn with<R>(
        &self,
        range: Range<usize>,
        tell: impl FnOnce(&[<Self::Type as DataType>::T]) -> R,
    ) -> R;
}

impl<V: Values> Leaf for Column<V> {
    fn push_none(&mut self, at: Place) {
        self.end_at(at);
    }

    fn bytes(&self) -> usize {
        self.values.bytes() + 2 * size_of::<i16>() * self.definitions.len()
    }

    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let writer = writer.typed::<V::Type>();
        let most = writer.get_descriptor().max_def_level();
        let (mut start, mut values) = (0, 0);
        while start < self.definitions.len() {
            // Up to the next row: one may not be cut.
            let rest = &self.repetitions[self.repetitions.len().min(start + BATCH)..];
            let end = self.repetitions.len() - rest.len()
                + rest.iter().position(|level| *level == 0).unwrap_or(rest.len());
            let definitions = &self.definitions[start..end];
            let here = definitions.iter().filter(|level| **level == most).count();
            self.values.with(values..values + here, |values| {
                let repetitions = &self.repetitions[start..end];
                writer.write_batch(values, Some(definitions), Some(repetitions))
            })?;
            (start, values) = (end, values + here);
        }
        self.values.clear();
        self.definitions.clear();
        self.repetitions.clear();
        Ok(())
    }
}

/// Texts, one after the other.
#[derive(Debug, Default)]
pub(crate) struct TextValues {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Values for TextValues {
    type Type = ByteArrayType;

    fn bytes(&self) -> usize {
        self.bytes.len() + size_of::<usize>() * self.ends.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn with<R>(&self, range: Range<usize>, tell: impl FnOnce(&[ByteArray]) -> R) -> R {
        let first = if range.start == 0 { 0 } else { self.ends[range.start - 1] };
        let ends = &self.ends[range];
        let last = ends.last().copied().unwrap_or(first);
        let bytes = Bytes::copy_from_slice(&self.bytes[first..last]);
        let mut start = 0;
        let text = |end: &usize| {
            let text = bytes.slice(start..end - first);
            start = end - first;
            ByteArray::from(text)
        };
        tell(&ends.iter().map(text).collect::<Vec<_>>())
    }
}

macro_rules! numbers {
    ($($number:ty: $parquet:ty),*) => {
        $(impl Values for Vec<$number> {
            type Type = $parquet;

            fn bytes(&self) -> usize {
                size_of::<$number>() * self.len()
            }

            fn clear(&mut self) {
                self.clear();
            }

            fn with<R>(&self, range: Range<usize>, tell: impl FnOnce(&[$number]) -> R) -> R {
                tell(&self[range])
            }
        })*
    };
}

numbers!(i32: Int32Type, i64: Int64Type);
