//! Reads: searching for traces, putting them together, and what is told about many of them.

mod block;
mod condition;
mod dependencies;
mod earlier;
mod evaluate;
mod fragments;
mod head;
mod lookup;
mod names;
mod outlines;
mod prune;
mod rank;
mod spans;
mod traces;

use spoor_store::filter::{Filter, Predicate};
use spoor_store::otlp::SpanInTrace;
use spoor_store::{ReadError, SpanKey, TraceRank};
use tracing::field::Empty;
use tracing::info_span;

use crate::bitmap::Bitmap;
use crate::budget::{Grant, List};
use crate::segment::Segment;
use crate::tenant::Snapshot;
use condition::Condition;
use evaluate::{Table, evaluate};
use prune::Candidates;

pub(crate) use dependencies::dependencies;
pub(crate) use fragments::for_each_fragment;
pub(crate) use names::{operations, services};
pub(crate) use outlines::{extents, for_each_summary};
pub(crate) use spans::find_spans;
pub(crate) use traces::{Found, find};

/// The rows of a head that are looked at at a time, because nobody may write meanwhile.
pub(crate) const STEP: u32 = 8192;

/// What is looked for, and in what.
struct Search<'s> {
    snapshot: &'s Snapshot,
    condition: Condition,
    predicate: Predicate,
    /// The predicate's patterns take this.
    _of_patterns: List<'s>,
    /// Tells whether nobody waits for it any more.
    is_gone: &'s dyn Fn() -> bool,
}

impl<'s> Search<'s> {
    fn new(
        snapshot: &'s Snapshot,
        grant: &'s Grant,
        filter: &Filter,
        is_gone: &'s dyn Fn() -> bool,
    ) -> Result<Self, ReadError> {
        let predicate = Predicate::compile(filter)?;
        let condition = Condition::of(filter, &predicate);
        let mut of_patterns = grant.list();
        of_patterns.resize(predicate.pattern_bytes())?;
        Ok(Self { snapshot, condition, predicate, _of_patterns: of_patterns, is_gone })
    }

    /// Goes through the heads, and then the blocks as they come; of each it tells the rows that
    /// match.
    ///
    /// Gives none if it ended early because nobody waits for it.
    fn run<V: Visit>(
        &self,
        candidates: &mut Candidates<'_>,
        visit: &mut V,
    ) -> Result<Option<()>, ReadError> {
        if self.run_heads(visit)?.is_none() {
            return Ok(None);
        }
        self.run_blocks(candidates, visit)
    }

    fn run_heads<V: Visit>(&self, visit: &mut V) -> Result<Option<()>, ReadError> {
        let rows: i64 = self.snapshot.heads.iter().map(|(_, rows)| i64::from(*rows)).sum();
        let _stage = info_span!("search heads", spoor.spans = rows).entered();
        for (number, (head, rows)) in self.snapshot.heads.iter().enumerate() {
            for from in (0..*rows).step_by(STEP as usize) {
                if (self.is_gone)() {
                    return Ok(None);
                }
                let step = head::Step::new(head, from..(from + STEP).min(*rows));
                visit.rows(Place::Head(number), &step, &self.matching(&step, None)?)?;
            }
        }
        Ok(Some(()))
    }

    fn run_blocks<V: Visit>(
        &self,
        candidates: &mut Candidates<'_>,
        visit: &mut V,
    ) -> Result<Option<()>, ReadError> {
        let stage =
            info_span!("search blocks", spoor.blocks.read = Empty, spoor.blocks.skipped = Empty)
                .entered();
        let mut read = 0;
        while let Some((number, block)) = candidates.next(|place| visit.may_enter(place)) {
            if (self.is_gone)() {
                return Ok(None);
            }
            let segment = &self.snapshot.segments[number];
            let reader = segment.block(block).map_err(unavailable)?;
            let visited = self
                .matching(&reader, None)
                .and_then(|rows| visit.rows(Place::Block(number, block), &reader, &rows));
            visited.map_err(|error| in_block(segment, block, error))?;
            read += 1;
        }
        let blocks = self.snapshot.segments.iter().map(|segment| segment.blocks().len() as u64);
        let blocks: u64 = blocks.sum();
        self.snapshot.metrics.searched(read, blocks);
        stage.record("spoor.blocks.read", read as i64);
        stage.record("spoor.blocks.skipped", blocks.saturating_sub(read) as i64);
        Ok(Some(()))
    }

    /// The rows that match, of all or of these.
    fn matching<T: Rows<Error: std::fmt::Display>>(
        &self,
        table: &T,
        within: Option<&Bitmap>,
    ) -> Result<Bitmap, ReadError> {
        let matches = evaluate(table, &self.condition, self.is_gone).map_err(unavailable)?;
        let (mut matching, mut doubtful) = (matches.certain.clone(), matches.doubtful());
        if let Some(within) = within {
            matching.intersect(within);
            doubtful.intersect(within);
        }
        if doubtful.any() {
            let read =
                table.read(&doubtful, |span| self.predicate.matches_for(&span, self.is_gone));
            matching.unite(&read.map_err(unavailable)?);
        }
        Ok(matching)
    }
}

/// What is done with the rows that match.
trait Visit {
    /// Whether a block could change anything, of which the candidates tell this place.
    fn may_enter(&self, place: u128) -> bool;

    /// Takes the rows that match.
    fn rows<T: Rows<Error: std::fmt::Display>>(
        &mut self,
        place: Place,
        table: &T,
        matching: &Bitmap,
    ) -> Result<(), ReadError>;
}

/// Where rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// In the head with this number.
    Head(usize),
    /// In the segment with this number, in this block.
    Block(usize, u32),
}

/// Rows that a search can go through.
trait Rows: Table {
    /// Tells of each of these rows its number in the head or the block, when its span starts, and
    /// its trace.
    fn for_each(&self, rows: &Bitmap, tell: impl FnMut(u32, TraceRank)) -> Result<(), Self::Error>;

    /// Tells of each of these rows its number, and its key.
    fn for_each_key(
        &self,
        rows: &Bitmap,
        tell: impl FnMut(u32, SpanKey),
    ) -> Result<(), Self::Error>;

    /// Those of these rows whose spans, read as they came, match.
    fn read(
        &self,
        rows: &Bitmap,
        matches: impl Fn(SpanInTrace<'_>) -> bool,
    ) -> Result<Bitmap, Self::Error>;
}

/// An error of a block that has no name of its own, with the block's name.
fn in_block(segment: &Segment, block: u32, error: ReadError) -> ReadError {
    match error {
        ReadError::Unavailable(reason) => {
            unavailable(format!("block {block} of {}: {reason}", segment.path()))
        }
        other => other,
    }
}

fn unavailable(error: impl std::fmt::Display) -> ReadError {
    ReadError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
