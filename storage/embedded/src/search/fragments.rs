//! All spans of traces, whole.

use std::ops::Range;

use bytes::Bytes;
use spoor_store::TraceId;

use super::lookup::{InBlock, Telling, for_each_trace};
use super::unavailable;
use crate::budget::{Grant, List};
use crate::rows::{FRAGMENT_BYTES, fragments, next_fragment};
use crate::stream::Stop;
use crate::tenant::{Head, Snapshot};

/// Tells the spans of traces, one trace after the other, as encoded `TracesData` below
/// [`FRAGMENT_BYTES`] or of a single span. Traces that are not there are left out.
pub(crate) fn for_each_fragment(
    snapshot: &Snapshot,
    grant: &Grant,
    ids: &[TraceId],
    tell: impl FnMut(TraceId, Bytes) -> Result<(), Stop>,
) -> Result<(), Stop> {
    for_each_trace(snapshot, grant, ids, &mut Fragments { large: grant.list(), tell })
}

struct Fragments<'g, F> {
    /// What the one that is told takes beyond the usual.
    large: List<'g>,
    tell: F,
}

impl<F: FnMut(TraceId, Bytes) -> Result<(), Stop>> Fragments<'_, F> {
    fn tell(&mut self, id: &TraceId, data: Bytes) -> Result<(), Stop> {
        self.large.resize_to_fit(data.len().saturating_sub(FRAGMENT_BYTES))?;
        (self.tell)(*id, data)
    }
}

impl<F: FnMut(TraceId, Bytes) -> Result<(), Stop>> Telling for Fragments<'_, F> {
    const WHOLE: bool = true;

    fn block(&mut self, id: &TraceId, block: InBlock<'_>, rows: Range<u32>) -> Result<(), Stop> {
        fragments(block.read, rows).try_for_each(|fragment| {
            let fragment = fragment.map_err(|error| block.error(error))?;
            self.tell(id, fragment)
        })
    }

    fn head(&mut self, id: &TraceId, head: &Head, rows: u32) -> Result<(), Stop> {
        let mut next = {
            let guard = head.rows();
            guard.trace(id).and_then(|trace| guard.rows_of(trace).next())
        };
        while let Some(first) = next.filter(|row| *row < rows) {
            let fragment = {
                let guard = head.rows();
                let mut own = guard.rows_from(first).take_while(|row| *row < rows).peekable();
                let fragment = next_fragment(&*guard, &mut own).map_err(unavailable)?;
                next = own.next();
                fragment
            };
            fragment.map_or(Ok(()), |fragment| self.tell(id, fragment))?;
        }
        Ok(())
    }
}
