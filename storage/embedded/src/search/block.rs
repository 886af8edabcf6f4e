//! Searching the rows of a block.

use spoor_store::TraceId;
use spoor_store::filter::{Field, Level};
use spoor_store::otlp::SpanInTrace;

use super::evaluate::Table;
use crate::bitmap::Bitmap;
use crate::block::{BlockError, Reader, with_span};
use crate::rows::{RebuildError, Source, Tables, put_span};

impl Table for Reader {
    type Error = BlockError;

    fn rows(&self) -> usize {
        self.rows() as usize
    }

    fn raw(&self) -> Result<Bitmap, BlockError> {
        self.raw()
    }

    fn attribute(&self, level: Level, key: &str, text: &str) -> Result<Bitmap, BlockError> {
        self.attribute(level, key, text)
    }

    fn field(&self, field: Field, text: &str) -> Result<Option<Bitmap>, BlockError> {
        self.field(field, text)
    }

    fn duration(&self, min: i128, max: i128) -> Result<Bitmap, BlockError> {
        self.duration(min, max)
    }
}

impl super::Rows for Reader {
    fn for_each(
        &self,
        rows: &Bitmap,
        mut tell: impl FnMut(u64, TraceId),
    ) -> Result<(), BlockError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (starts, ids, traces) = (self.starts()?, self.trace_ids()?, self.trace_rows()?);
        let mut traces = ids.iter().zip(traces);
        let mut trace = traces.next();
        for row in rows.iter() {
            while trace.as_ref().is_some_and(|(_, rows)| rows.end as usize <= row) {
                trace = traces.next();
            }
            // The ids of spans that were taken are never all zero; those of damaged ones may be.
            if let Some(id) = trace.as_ref().and_then(|(id, _)| TraceId::from_slice(*id)) {
                tell(starts[row], id);
            }
        }
        Ok(())
    }

    fn read(
        &self,
        rows: &Bitmap,
        matches: impl Fn(SpanInTrace<'_>) -> bool,
    ) -> Result<Bitmap, BlockError> {
        let mut matching = Bitmap::none(rows.len());
        let read = self.span_rows(rows.iter().map(|row| row as u32))?;
        let mut span = Vec::new();
        for row in rows.iter() {
            let number = row as u32;
            let missing = || BlockError::Row(RebuildError::Row(number));
            span.clear();
            put_span(&read, number, &mut span).map_err(BlockError::Row)?;
            let origin = read.span(number).and_then(|parts| read.origin(parts.origin));
            let origin = origin.ok_or_else(missing)?;
            let is_match = with_span(&origin.resource, &origin.scope, &span, &matches);
            if is_match.ok_or_else(missing)? {
                matching.insert(row);
            }
        }
        Ok(matching)
    }
}
