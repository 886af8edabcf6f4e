//! The words of a block's rows, taken from their columns.

use std::sync::Arc;

use super::bytes::Invalid;
use super::column::Column;
use super::cursors::{Cursors, Shapes};
use super::directory::MOST_VALUES;
use super::error::BlockError;
use super::numbers::Numbers;
use super::reader::{Reader, TOO_MANY};
use super::rebuild::Row;
use super::text_columns::{SomeTexts, Texts};
use super::texts::Codes;
use crate::rows::{Part, SpanParts, for_each_part};

/// What text codes stand for: the keys first, then the texts of one column after the other.
#[derive(Debug)]
pub(super) struct TextCodes {
    /// With the code of the first text, ascending.
    columns: Vec<(u32, Arc<Texts>)>,
    /// The code of the next column's first text.
    end: u32,
}

impl TextCodes {
    /// Codes from this one on.
    pub(super) fn after(keys: u32) -> Self {
        Self { columns: Vec::new(), end: keys }
    }

    /// Adds the texts of a column: the code of the first.
    pub(super) fn add(&mut self, column: Column, texts: Arc<Texts>) -> Result<u32, BlockError> {
        let first = self.end;
        let end = u32::try_from(texts.len()).ok().and_then(|len| first.checked_add(len));
        self.end = end.ok_or_else(|| {
            BlockError::in_column(column)(Invalid("the block has too many texts"))
        })?;
        self.columns.push((first, texts));
        Ok(first)
    }

    pub(super) fn bytes(&self) -> usize {
        self.columns.iter().map(|(_, texts)| texts.bytes()).sum()
    }

    pub(super) fn text(&self, code: u32) -> Option<&[u8]> {
        let column = self.columns.partition_point(|(first, _)| *first <= code).checked_sub(1)?;
        let (first, texts) = &self.columns[column];
        texts.text(code - first).ok()
    }
}

/// Takes the words of rows from their columns.
pub(super) struct Words<'b> {
    reader: &'b Reader,
    shapes: Shapes<'b>,
    /// How many values each column has.
    totals: Cursors,
    cursors: Cursors,
    columns: Vec<Option<Values>>,
    texts: TextCodes,
    words: Vec<u32>,
}

/// The values of a column.
enum Values {
    Numbers(Numbers),
    /// The numbers of texts, and the code of the first text.
    Texts(Codes, u32),
    /// Texts that follow each other, by the code of the first.
    Raw(u32),
}

impl<'b> Words<'b> {
    pub(super) fn new(
        reader: &'b Reader,
        shapes: Shapes<'b>,
        texts: TextCodes,
    ) -> Result<Self, BlockError> {
        let totals = Cursors::at_end(&shapes, reader.layout()?);
        // A few bytes may tell of as many values in each of many columns.
        if totals.values() > MOST_VALUES {
            return Err(BlockError::in_column(Column::Tables)(TOO_MANY));
        }
        Ok(Self {
            reader,
            columns: (0..totals.columns()).map(|_| None).collect(),
            cursors: Cursors::new(shapes.tables),
            totals,
            shapes,
            texts,
            words: Vec::new(),
        })
    }

    /// What the codes stand for, and the words.
    pub(super) fn into_parts(self) -> (TextCodes, Vec<u32>) {
        (self.texts, self.words)
    }

    /// Reads the words of rows that have none yet. The numbers of rows ascend.
    pub(super) fn read(&mut self, rows: &mut [Row]) -> Result<(), BlockError> {
        const NOT_WANTED: u32 = u32::MAX;
        let layout = self.reader.layout()?;
        let mut wanted = vec![NOT_WANTED; layout.order.len()];
        for (index, row) in (0..).zip(rows.iter()) {
            wanted[row.number as usize] = index;
        }
        let mut rest = rows.len();
        for run in &layout.runs {
            if rest == 0 {
                break;
            }
            let mut passed = 0;
            for number in layout.rows(run) {
                let index = wanted[*number as usize];
                if index == NOT_WANTED {
                    passed += 1;
                    continue;
                }
                self.cursors.skip(&self.shapes, run.template, passed);
                passed = 0;
                let row = &mut rows[index as usize];
                row.words = self.words.len();
                self.read_row(&row.parts)?;
                rest -= 1;
            }
            self.cursors.skip(&self.shapes, run.template, passed);
        }
        Ok(())
    }

    fn read_row(&mut self, parts: &SpanParts) -> Result<(), BlockError> {
        let tables = self.shapes.tables;
        let mut event_time = parts.start;
        let mut failure = None;
        let read = for_each_part(tables, parts.template, |part| {
            let mut value = match self.take(part) {
                Ok(value) => value,
                Err(error) => {
                    failure = Some(error);
                    return None;
                }
            };
            if part == Part::EventTime {
                value = value.wrapping_add(event_time);
                event_time = value;
            }
            self.words.push(value as u32);
            if part.words() == 2 {
                self.words.push((value >> 32) as u32);
            }
            Some(value)
        });
        match (failure, read) {
            (Some(error), _) => Err(error),
            // Templates were checked, and values are taken as long as there are some.
            (None, Err(_)) => {
                Err(BlockError::in_column(Column::Tables)(Invalid("it tells of no template")))
            }
            (None, Ok(())) => Ok(()),
        }
    }

    /// The next value of a part, as a word or two of a span that has these codes.
    fn take(&mut self, part: Part) -> Result<u64, BlockError> {
        let tables = self.shapes.tables;
        let (name, slot) = match part {
            Part::Value { level, template, index, .. } => {
                // The part was told by this template.
                let slot = tables.slots_of(level, template)[index];
                (Column::Attribute { level, slot }, slot)
            }
            _ => (Column::of(part).unwrap_or(Column::Raw), 0),
        };
        let column = self.cursors.column(part, slot);
        let values = match &mut self.columns[column] {
            Some(values) => values,
            none => {
                let count = self.totals.place(column);
                none.insert(read_values(self.reader, name, part, count, &mut self.texts)?)
            }
        };
        let place = self.cursors.take(column);
        let value = match values {
            Values::Numbers(numbers) => numbers.at(place),
            Values::Texts(codes, first) => codes.at(place).map(|number| u64::from(*first + number)),
            Values::Raw(first) => Some(u64::from(*first) + place as u64),
        };
        value.ok_or_else(|| BlockError::in_column(name)(Invalid("it has no such value")))
    }
}

fn read_values(
    reader: &Reader,
    column: Column,
    part: Part,
    count: usize,
    codes: &mut TextCodes,
) -> Result<Values, BlockError> {
    if part == Part::Raw {
        return Ok(Values::Raw(codes.add(column, reader.raw_spans(count)?)?));
    }
    if !part.is_text() {
        return reader.some_numbers(column, count).map(Values::Numbers);
    }
    let SomeTexts { texts, codes: numbers } = reader.some_texts(column, count)?;
    Ok(Values::Texts(numbers, codes.add(column, texts)?))
}
