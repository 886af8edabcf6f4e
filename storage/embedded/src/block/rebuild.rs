//! Rows of a block, ready to be put together to spans.

use std::sync::Arc;

use super::bytes::Invalid;
use super::column::Column;
use super::cursors::{Shapes, has_inner};
use super::error::BlockError;
use super::origins::OriginTable;
use super::reader::Reader;
use super::tables::Tables;
use super::words::{TextCodes, Words};
use crate::rows::{self, EventTemplate, Level, LinkTemplate, Origin, Source, SpanParts, Template};

/// Some rows of a block, by their numbers there.
#[derive(Debug)]
pub struct SpanRows {
    tables: Arc<Tables>,
    texts: TextCodes,
    origins: Vec<Origin>,
    rows: Vec<Row>,
    words: Vec<u32>,
}

/// A row, with where its words are.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) parts: SpanParts,
    /// Where its words begin.
    pub(super) words: usize,
}

impl Reader {
    /// Reads rows, whose numbers ascend. Those that the block does not have are left out.
    ///
    /// # Errors
    /// When a column that they need cannot be read.
    pub fn span_rows(&self, rows: impl IntoIterator<Item = u32>) -> Result<SpanRows, BlockError> {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_some() {
            self.read_whole()?;
        }
        let SpanRows { tables, texts, origins, mut rows, .. } = self.fixed_rows(rows)?;
        let needs = |level| rows.iter().any(|row| has_inner(&tables, row.parts.template, level));
        let shapes = Shapes {
            tables: &tables,
            events: needs(Level::Event).then(|| self.inner(Level::Event)).transpose()?,
            links: needs(Level::Link).then(|| self.inner(Level::Link)).transpose()?,
        };
        let mut words = Words::new(self, shapes, texts)?;
        words.read(&mut rows)?;
        let (texts, words) = words.into_parts();
        Ok(SpanRows { tables, texts, origins, rows, words })
    }

    /// The same, but of each span only its fixed part, and what that stands for.
    ///
    /// # Errors
    /// When a column that they need cannot be read.
    pub(crate) fn fixed_rows(
        &self,
        rows: impl IntoIterator<Item = u32>,
    ) -> Result<SpanRows, BlockError> {
        let wanted: Vec<u32> = rows.into_iter().filter(|row| *row < self.rows()).collect();
        debug_assert!(wanted.is_sorted_by(|a, b| a < b), "rows ascend");
        let tables = Arc::clone(self.tables()?);
        let mut texts = TextCodes::after(tables.keys.len() as u32);
        let table = self.origins()?;
        let parts = self.parts(&wanted, &mut texts, table.len())?;
        let row = |(number, parts)| Row { number, parts, words: 0 };
        let mut rows: Vec<Row> = wanted.into_iter().zip(parts).map(row).collect();
        let origins =
            used_origins(&table, &mut rows).map_err(BlockError::in_column(Column::Origins))?;
        Ok(SpanRows { tables, texts, origins, rows, words: Vec::new() })
    }
}

/// The origins of rows, which are numbered anew.
fn used_origins(table: &OriginTable, rows: &mut [Row]) -> Result<Vec<Origin>, Invalid> {
    let mut used = Vec::new();
    let mut numbers = vec![None; table.len()];
    for row in rows {
        let number = &mut numbers[row.parts.origin as usize];
        row.parts.origin = *number.get_or_insert_with(|| {
            used.push(row.parts.origin);
            used.len() as u32 - 1
        });
    }
    table.make(used.into_iter())
}

impl SpanRows {
    /// The numbers of the rows, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.rows.iter().map(|row| row.number)
    }

    /// What the texts may take of memory, which are read when they are asked for.
    pub(crate) fn text_bytes(&self) -> usize {
        self.texts.bytes()
    }

    fn row(&self, number: u32) -> Option<&Row> {
        let index = self.rows.binary_search_by_key(&number, |row| row.number).ok()?;
        self.rows.get(index)
    }
}

impl rows::Tables for SpanRows {
    fn template(&self, code: u32) -> Option<&Template> {
        self.tables.template(code)
    }

    fn event_template(&self, code: u32) -> Option<&EventTemplate> {
        self.tables.event_template(code)
    }

    fn link_template(&self, code: u32) -> Option<&LinkTemplate> {
        self.tables.link_template(code)
    }

    fn origin(&self, code: u32) -> Option<&Origin> {
        self.origins.get(code as usize)
    }

    fn text(&self, code: u32) -> Option<&[u8]> {
        self.tables.text(code).or_else(|| self.texts.text(code))
    }
}

impl Source for SpanRows {
    fn span(&self, row: u32) -> Option<SpanParts> {
        self.row(row).map(|row| row.parts)
    }

    fn words<'s>(&'s self, row: u32, _: &'s mut Vec<u32>) -> &'s [u32] {
        self.row(row).and_then(|row| self.words.get(row.words..)).unwrap_or_default()
    }
}

/// Without origins, which are no part of the tables, and of texts the keys.
impl rows::Tables for Tables {
    fn template(&self, code: u32) -> Option<&Template> {
        self.spans.get(code as usize).map(|shaped| &shaped.template)
    }

    fn event_template(&self, code: u32) -> Option<&EventTemplate> {
        self.events.get(code as usize).map(|shaped| &shaped.template)
    }

    fn link_template(&self, code: u32) -> Option<&LinkTemplate> {
        self.links.get(code as usize).map(|shaped| &shaped.template)
    }

    fn origin(&self, _: u32) -> Option<&Origin> {
        None
    }

    fn text(&self, code: u32) -> Option<&[u8]> {
        self.keys.get(code as usize).map(Vec::as_slice)
    }
}
