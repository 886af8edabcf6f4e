//! Searching the rows of a block.

use spoor_store::filter::{Field, Level};
use spoor_store::otlp::SpanInTrace;
use spoor_store::{SpanId, SpanKey, TraceId, TraceRank};

use super::evaluate::Table;
use crate::bitmap::Bitmap;
use crate::block::{BlockError, Reader, Sought, with_span};
use crate::rows::{RebuildError, Source, Tables, put_span};

impl Table for Reader {
    type Error = BlockError;

    fn rows(&self) -> usize {
        self.rows() as usize
    }

    fn raw(&self) -> Result<Bitmap, BlockError> {
        self.raw()
    }

    fn attribute(&self, level: Level, key: &str, values: Sought<'_>) -> Result<Bitmap, BlockError> {
        self.attribute(level, key, values)
    }

    fn field(&self, field: Field, texts: Sought<'_>) -> Result<Option<Bitmap>, BlockError> {
        self.field(field, texts)
    }

    fn range(&self, field: Field, min: i128, max: i128) -> Result<Bitmap, BlockError> {
        self.range(field, min, max)
    }

    fn trace(&self, id: &TraceId) -> Result<Bitmap, BlockError> {
        let mut rows = Bitmap::none(self.rows() as usize);
        self.find(id)?.into_iter().flatten().for_each(|row| rows.insert(row as usize));
        Ok(rows)
    }

    fn span(&self, id: &[u8; 8]) -> Result<Bitmap, BlockError> {
        let mut rows = Bitmap::none(self.rows() as usize);
        let ids = self.span_ids()?;
        let own = ids.iter().enumerate().filter(|(_, own)| *own == id);
        own.for_each(|(row, _)| rows.insert(row));
        Ok(rows)
    }
}

impl super::Rows for Reader {
    fn for_each(
        &self,
        rows: &Bitmap,
        mut tell: impl FnMut(u32, TraceRank),
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
                tell(row as u32, TraceRank { start: starts[row], trace_id: id });
            }
        }
        Ok(())
    }

    fn for_each_key(
        &self,
        rows: &Bitmap,
        mut tell: impl FnMut(u32, SpanKey),
    ) -> Result<(), BlockError> {
        if rows.is_empty() {
            return Ok(());
        }
        let (durations, ids) = (self.durations()?, self.span_ids()?);
        self.for_each(rows, |row, TraceRank { start, trace_id }| {
            if let Some(span_id) = SpanId::from_slice(&ids[row as usize]) {
                let duration = durations[row as usize];
                tell(row, SpanKey { start, duration, trace_id, span_id });
            }
        })
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
