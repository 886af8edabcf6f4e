//! What a block tells of all of its traces and spans, but for their words.

use std::ops::Range;

use spoor_store::TraceId;

use super::bytes::Invalid;
use super::column::Column;
use super::error::BlockError;
use super::fixed::Fixed;
use super::numbers::Numbers;
use super::origins::OriginTable;
use super::reader::{Reader, template_of};
use super::templates::has_parent;
use super::{ints, parents};

/// Rows with the id of a parent that is not in the block's part of the trace.
pub(super) type ForeignParents = Vec<(u32, [u8; 8])>;

impl Reader {
    /// The ids of the traces, in the order of their rows.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn trace_ids(&self) -> Result<Vec<[u8; 16]>, BlockError> {
        let count = self.traces() as usize;
        self.decode(Column::TraceIds, count, |input| Ok(Fixed::get(input, count)?.to_vec()))
    }

    /// The rows of each trace.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn trace_rows(&self) -> Result<Vec<Range<u32>>, BlockError> {
        let spans = self.numbers::<u32>(Column::TraceSpans, self.traces() as usize)?;
        let mut end = 0_u32;
        let rows = |spans: u32| {
            let start = end;
            end = end.checked_add(spans)?;
            Some(start..end)
        };
        let ranges: Option<Vec<_>> = spans.into_iter().map(rows).collect();
        match ranges {
            Some(ranges) if end == self.rows() => Ok(ranges),
            _ => Err(BlockError::in_column(Column::TraceSpans)(Invalid("it tells of other rows"))),
        }
    }

    /// The rows of a trace, if the block has some.
    ///
    /// # Errors
    /// When the ids or the numbers of spans cannot be read.
    pub fn find(&self, id: &TraceId) -> Result<Option<Range<u32>>, BlockError> {
        Ok(self.rows_by_trace()?.get(id.as_bytes()).cloned())
    }

    /// The ids of the spans, by row.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn span_ids(&self) -> Result<Vec<[u8; 8]>, BlockError> {
        let count = self.rows() as usize;
        self.decode(Column::SpanIds, count, |input| Ok(Fixed::get(input, count)?.to_vec()))
    }

    /// When each span starts, nanoseconds since the Unix epoch, by row.
    ///
    /// # Errors
    /// When what tells it cannot be read.
    pub fn starts(&self) -> Result<Vec<u64>, BlockError> {
        let (parents, _) = self.parents()?;
        self.starts_after(&parents)
    }

    pub(super) fn starts_after(&self, parents: &[u32]) -> Result<Vec<u64>, BlockError> {
        let rows = self.rows() as usize;
        let traces = self.trace_rows()?;
        let differences = self.signed(Column::TraceStarts, traces.len())?;
        let mut starts = Vec::with_capacity(rows);
        let mut before = 0_u64;
        for (rows, difference) in traces.into_iter().zip(differences) {
            before = before.wrapping_add(difference.cast_unsigned());
            starts.resize(rows.end as usize, before);
        }
        let differences = self.by_row(&self.signed(Column::Starts, rows)?)?;
        parents::for_each_after_parent(parents, |row, parent| {
            if let Some(parent) = parent {
                starts[row as usize] = starts[parent as usize];
            }
            let start = &mut starts[row as usize];
            *start = start.wrapping_add(differences[row as usize].cast_unsigned());
        });
        Ok(starts)
    }

    /// How long each span lasts in nanoseconds, by row.
    ///
    /// # Errors
    /// When what tells it cannot be read.
    pub fn durations(&self) -> Result<Vec<i128>, BlockError> {
        let (differences, fit) = self.duration_differences()?;
        if fit {
            return Ok(differences.into_iter().map(i128::from).collect());
        }
        let duration = |(start, difference): (u64, i64)| {
            let end = start.wrapping_add(difference.cast_unsigned());
            i128::from(end) - i128::from(start)
        };
        Ok(self.starts()?.into_iter().zip(differences).map(duration).collect())
    }

    /// The differences of end and start, modulo 2^64, when some are needed.
    pub(super) fn some_durations(&self) -> Result<Numbers, BlockError> {
        let rows = self.rows() as usize;
        self.decode(Column::Durations, rows, |input| {
            input.u8()?;
            Numbers::get(input, rows)
        })
    }

    /// By row, the difference of end and start, modulo 2^64. And whether each is the duration.
    fn duration_differences(&self) -> Result<(Vec<i64>, bool), BlockError> {
        let rows = self.rows() as usize;
        let (differences, fit) = self.decode(Column::Durations, rows, |input| {
            let fit = input.u8()? == 0;
            Ok((ints::get_signed(input, rows)?, fit))
        })?;
        Ok((self.by_row(&differences)?, fit))
    }

    /// By row, the row of the parent or none, and the ids of parents that are elsewhere.
    pub(super) fn parents(&self) -> Result<(Vec<u32>, ForeignParents), BlockError> {
        let (tables, layout) = (self.tables()?, self.layout()?);
        let has_parent = |template: u32| has_parent(template_of(tables, template));
        let count = layout.values(|template| usize::from(has_parent(template)));
        let codes = self.numbers::<u64>(Column::Parents, count)?;
        let foreign_count = codes.iter().filter(|code| **code == parents::FOREIGN).count();
        let foreign = self.decode(Column::ForeignParents, foreign_count, |input| {
            Ok(Fixed::<8>::get(input, foreign_count)?.to_vec())
        })?;
        let mut parents = vec![parents::NONE; self.rows() as usize];
        let mut foreign_rows = Vec::with_capacity(foreign.len());
        let (mut codes, mut foreign) = (codes.into_iter(), foreign.into_iter());
        let runs = layout.runs.iter().filter(|run| has_parent(run.template));
        for row in runs.flat_map(|run| layout.rows(run)) {
            match codes.next().unwrap_or(parents::FOREIGN) {
                parents::FOREIGN => {
                    foreign_rows.push((*row, foreign.next().unwrap_or_default()));
                }
                code => {
                    let parent = parents::parent(*row, code, self.rows());
                    parents[*row as usize] =
                        parent.map_err(BlockError::in_column(Column::Parents))?;
                }
            }
        }
        Ok((parents, foreign_rows))
    }

    pub(super) fn origins(&self) -> Result<OriginTable, BlockError> {
        self.decode_all(Column::Origins, 1, OriginTable::get)
    }

    /// By row, the number of what encloses it. All are below `origins`.
    pub(super) fn span_origins(&self, origins: usize) -> Result<Vec<u32>, BlockError> {
        let numbers = self.numbers::<u32>(Column::SpanOrigins, self.rows() as usize)?;
        if numbers.iter().any(|number| *number as usize >= origins) {
            let invalid = Invalid("it tells of an origin that is not there");
            return Err(BlockError::in_column(Column::SpanOrigins)(invalid));
        }
        self.by_row(&numbers)
    }

    /// Puts values of all rows that are in the order of the layout in that of the rows.
    pub(super) fn by_row<T: Copy + Default>(&self, values: &[T]) -> Result<Vec<T>, BlockError> {
        let mut by_row = vec![T::default(); values.len()];
        for (row, value) in self.layout()?.order.iter().zip(values) {
            by_row[*row as usize] = *value;
        }
        Ok(by_row)
    }
}
