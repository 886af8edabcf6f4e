//! Columns of texts that are being read.

use std::sync::Arc;

use bytes::Bytes;

use super::bytes::{Input, Invalid};
use super::column::Column;
use super::directory::MOST_VALUES;
use super::error::BlockError;
use super::reader::{MISSING, Reader, TOO_MANY};
use super::texts::{Codes, Dictionary};
use crate::bitmap::Bitmap;

/// A column of texts.
#[derive(Debug, Default)]
pub(super) struct TextColumn {
    pub(super) texts: Arc<Texts>,
    /// By value: the number of its text, which is there.
    pub(super) numbers: Vec<u32>,
}

/// A column of texts of which some are read.
#[derive(Debug)]
pub(super) struct SomeTexts {
    pub(super) texts: Arc<Texts>,
    pub(super) codes: Codes,
}

/// A column of texts before its codes are read.
#[derive(Debug)]
pub(super) struct OpenTexts {
    column: Column,
    texts: Texts,
    /// Where in the column the codes begin.
    codes: usize,
}

impl OpenTexts {
    /// As [`Texts::find`].
    pub(super) fn find(
        &self,
        len: Option<usize>,
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Bitmap, BlockError> {
        self.texts.find(len, is_wanted).map_err(BlockError::in_column(self.column))
    }

    /// Reads the codes of so many values.
    pub(super) fn read(self, count: usize) -> Result<TextColumn, BlockError> {
        let invalid = BlockError::in_column(self.column);
        let SomeTexts { texts, codes } = self.read_some(count)?;
        Ok(TextColumn { texts, numbers: codes.into_vec().map_err(invalid)? })
    }

    /// The same, when few of them are needed.
    pub(super) fn read_some(self, count: usize) -> Result<SomeTexts, BlockError> {
        let invalid = BlockError::in_column(self.column);
        if count > MOST_VALUES {
            return Err(invalid(TOO_MANY));
        }
        if self.texts.len() > count {
            return Err(invalid(Invalid("it has texts that no value is")));
        }
        let mut input = Input::new(&self.texts.bytes[self.codes..]);
        let codes = Codes::get(&mut input, count, self.texts.len())
            .and_then(|codes| input.end().map(|()| codes))
            .map_err(invalid)?;
        Ok(SomeTexts { texts: Arc::new(self.texts), codes })
    }
}

/// The different texts of a column.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The column.
    bytes: Bytes,
    dictionary: Dictionary,
}

impl Texts {
    /// How many texts there are.
    pub(super) fn len(&self) -> usize {
        self.dictionary.len()
    }

    /// What all of them take together once they were read.
    pub(super) fn bytes(&self) -> usize {
        self.dictionary.bytes()
    }

    /// A text by its number.
    pub(super) fn text(&self, number: u32) -> Result<&[u8], Invalid> {
        self.dictionary.text(&self.bytes, number)
    }

    /// The numbers of the texts of this length, if one is told, for which this holds.
    pub(super) fn find(
        &self,
        len: Option<usize>,
        is_wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Bitmap, Invalid> {
        let mut wanted = Bitmap::none(self.len());
        for number in 0..self.len() as u32 {
            let may_be = len.is_none() || self.dictionary.text_len(number) == len;
            if may_be && is_wanted(self.text(number)?) {
                wanted.insert(number as usize);
            }
        }
        Ok(wanted)
    }
}

impl Reader {
    /// The whole spans that are kept as they came.
    pub(super) fn raw_spans(&self, count: usize) -> Result<Arc<Texts>, BlockError> {
        let column = Column::Raw;
        let Some(bytes) = self.present(column, count)? else { return Ok(Arc::default()) };
        let mut input = Input::new(&bytes);
        let dictionary = Dictionary::get(&bytes, &mut input, count)
            .and_then(|dictionary| input.end().map(|()| dictionary))
            .map_err(BlockError::in_column(column))?;
        if dictionary.len() != count {
            return Err(BlockError::in_column(column)(Invalid("it tells of other rows")));
        }
        Ok(Arc::new(Texts { bytes, dictionary }))
    }

    pub(super) fn texts(&self, column: Column, count: usize) -> Result<TextColumn, BlockError> {
        match self.open_texts(column)? {
            Some(open) => open.read(count),
            None => self.present(column, count).map(|_| TextColumn::default()),
        }
    }

    /// The same, when few of them are needed; there are some.
    pub(super) fn some_texts(&self, column: Column, count: usize) -> Result<SomeTexts, BlockError> {
        let open = self.open_texts(column)?;
        open.ok_or_else(|| BlockError::in_column(column)(MISSING))?.read_some(count)
    }

    /// The different texts of a column, if it is there.
    pub(super) fn open_texts(&self, column: Column) -> Result<Option<OpenTexts>, BlockError> {
        let Some(bytes) = self.bytes(column)? else { return Ok(None) };
        let mut input = Input::new(&bytes);
        let dictionary = Dictionary::get(&bytes, &mut input, MOST_VALUES)
            .map_err(BlockError::in_column(column))?;
        let codes = bytes.len() - input.remaining();
        Ok(Some(OpenTexts { column, codes, texts: Texts { bytes, dictionary } }))
    }
}
