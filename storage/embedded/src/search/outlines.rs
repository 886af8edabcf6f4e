//! What is told of traces in short, without reading whole spans.

use std::ops::Range;
use std::slice;

use spoor_store::trace::{Outline, Summarizer, TraceSummary, extent};
use spoor_store::{FoundTrace, ReadError, TraceId, TraceRank};

use super::Found;
use super::lookup::{InBlock, Telling, for_each_trace};
use super::unavailable;
use crate::budget::{Grant, List};
use crate::rows::{RebuildError, Source};
use crate::stream::Stop;
use crate::tenant::{Head, Snapshot};

/// What a span takes while its trace is summarized, about: its id in a set, and its parent's.
const SUMMARIZED_BYTES: usize = 3 * size_of::<[u8; 8]>();
/// The code of an error among those of OTLP's statuses.
const ERROR: u8 = 2;
/// The rows of a head that are looked at at a time, because nobody may write meanwhile.
const STEP: usize = 1024;

/// Tells a summary of each trace that was found.
pub(crate) fn for_each_summary(
    snapshot: &Snapshot,
    grant: &Grant,
    found: &Found<'_>,
    put: impl FnMut(TraceSummary) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let ranks = found.ranks().iter();
    let mut summaries = To(Summaries { ranks, open: None, held: grant.list(), put });
    for_each_trace(snapshot, grant, found.ids(), &mut summaries)?;
    summaries.begin()
}

/// Between which times the spans of each trace that was found lie.
pub(crate) fn extents(
    snapshot: &Snapshot,
    grant: &Grant,
    found: &Found<'_>,
    is_gone: &dyn Fn() -> bool,
) -> Result<Vec<FoundTrace>, Stop> {
    let mut held = grant.list();
    held.resize(size_of::<FoundTrace>() * found.ids().len())?;
    let extents = Vec::with_capacity(found.ids().len());
    let mut extents = To(Extents { ranks: found.ranks().iter(), extents, is_gone });
    for_each_trace(snapshot, grant, found.ids(), &mut extents)?;
    Ok(extents.0.extents)
}

/// Takes the outlines of traces, one after the other.
trait Outlined {
    fn begin(&mut self) -> Result<(), Stop>;

    fn add(&mut self, span: &Outline<'_>) -> Result<(), ReadError>;
}

struct Summaries<'f, 'g, P> {
    ranks: slice::Iter<'f, TraceRank>,
    open: Option<Summarizer>,
    held: List<'g>,
    put: P,
}

impl<P: FnMut(TraceSummary) -> Result<(), Stop>> Outlined for Summaries<'_, '_, P> {
    fn begin(&mut self) -> Result<(), Stop> {
        let next = self.ranks.next().map(|rank| Summarizer::new(*rank));
        if let Some(whole) = std::mem::replace(&mut self.open, next) {
            (self.put)(whole.finish())?;
        }
        Ok(self.held.resize(0)?)
    }

    fn add(&mut self, span: &Outline<'_>) -> Result<(), ReadError> {
        self.held.grow(SUMMARIZED_BYTES)?;
        self.open.iter_mut().for_each(|summarizer| summarizer.add(span));
        Ok(())
    }
}

struct Extents<'f> {
    ranks: slice::Iter<'f, TraceRank>,
    extents: Vec<FoundTrace>,
    is_gone: &'f dyn Fn() -> bool,
}

impl Outlined for Extents<'_> {
    fn begin(&mut self) -> Result<(), Stop> {
        if (self.is_gone)() {
            return Err(Stop::Gone);
        }
        let none = |rank: &TraceRank| extent(*rank, std::iter::empty());
        self.extents.extend(self.ranks.next().map(none));
        Ok(())
    }

    fn add(&mut self, span: &Outline<'_>) -> Result<(), ReadError> {
        if let Some(last) = self.extents.last_mut() {
            last.start = last.start.min(span.start);
            last.end = last.end.max(span.end);
        }
        Ok(())
    }
}

/// Tells outlines to it.
struct To<T>(T);

impl<T: Outlined> Telling for To<T> {
    const WHOLE: bool = false;

    fn begin(&mut self) -> Result<(), Stop> {
        self.0.begin()
    }

    fn block(&mut self, _: &TraceId, block: InBlock<'_>, rows: Range<u32>) -> Result<(), Stop> {
        for row in rows {
            let outline = outline(block.read, row).map_err(|error| block.error(error))?;
            self.0.add(&outline)?;
        }
        Ok(())
    }

    fn head(&mut self, id: &TraceId, head: &Head, rows: u32) -> Result<(), Stop> {
        let mut next = {
            let guard = head.rows();
            guard.trace(id).and_then(|trace| guard.rows_of(trace).next())
        };
        while let Some(first) = next.filter(|row| *row < rows) {
            let guard = head.rows();
            let mut own = guard.rows_from(first).take_while(|row| *row < rows);
            for row in own.by_ref().take(STEP) {
                self.0.add(&outline(&*guard, row).map_err(unavailable)?)?;
            }
            next = own.next();
        }
        Ok(())
    }
}

fn outline<S: Source>(source: &S, row: u32) -> Result<Outline<'_>, RebuildError> {
    let parts = source.span(row).ok_or(RebuildError::Row(row))?;
    let template = source.template(parts.template);
    let template = template.ok_or(RebuildError::Template(parts.template))?;
    let origin = source.origin(parts.origin).ok_or(RebuildError::Origin(parts.origin))?;
    let name = source.text(parts.name).ok_or(RebuildError::Text(parts.name))?;
    Ok(Outline {
        id: parts.span_id,
        // All zero means none too.
        parent: Some(parts.parent_id).filter(|id| *id != [0; 8]),
        start: parts.start,
        end: parts.end,
        service: &origin.service,
        name: str::from_utf8(name).unwrap_or_default(),
        is_error: template.status.is_some_and(|status| status.code == ERROR),
    })
}
