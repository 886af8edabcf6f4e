//! Reads: searching for traces, putting them together, and what is told about many of them.

mod block;
mod condition;
mod dependencies;
mod evaluate;
mod head;
mod lookup;
mod names;
mod prune;
mod rank;

use spoor_store::filter::Predicate;
use spoor_store::otlp::SpanInTrace;
use spoor_store::{ReadError, TraceId, TraceQuery};

use crate::bitmap::Bitmap;
use crate::budget::{Grant, List};
use crate::segment::Segment;
use crate::tenant::Snapshot;
use condition::Condition;
use evaluate::{Table, evaluate};
use prune::Candidates;
use rank::Ranking;

pub(crate) use dependencies::dependencies;
pub(crate) use lookup::for_each_fragment;
pub(crate) use names::{operations, services};

/// The rows of a head that are read at a time, because nobody may write meanwhile.
pub(crate) const STEP: u32 = 8192;

/// A search: what is looked for, and what was found so far.
struct Search<'q, 'g> {
    query: &'q TraceQuery,
    condition: &'q Condition,
    predicate: Predicate,
    found: Ranking,
    /// What was found takes this.
    held: List<'g>,
}

/// The traces that a search found.
pub(crate) struct Found<'g> {
    ids: Vec<TraceId>,
    _held: List<'g>,
}

impl Found<'_> {
    /// Their ids, in order.
    pub(crate) fn ids(&self) -> &[TraceId] {
        &self.ids
    }
}

/// The ids of the traces that match, in order. Without a caller it ends early, and what it gives
/// means nothing.
pub(crate) fn find<'g>(
    snapshot: &Snapshot,
    grant: &'g Grant,
    query: &TraceQuery,
    is_gone: impl Fn() -> bool,
) -> Result<Found<'g>, ReadError> {
    let condition = Condition::of(&query.filter);
    let mut search = Search {
        query,
        condition: &condition,
        predicate: Predicate::compile(&query.filter)?,
        found: Ranking::new(query.limit),
        held: grant.list(),
    };
    let mut held = grant.list();
    for (head, rows) in &snapshot.heads {
        for from in (0..*rows).step_by(STEP as usize) {
            if is_gone() {
                return Ok(Found { ids: Vec::new(), _held: held });
            }
            let guard = head.rows();
            let step = head::Step::new(&guard, from..(from + STEP).min(*rows));
            search.rows(&step)?;
        }
    }
    let mut read = 0;
    let mut candidates = Candidates::new(snapshot, &condition, query.start);
    held.resize(candidates.bytes())?;
    while let Some((segment, block)) = candidates.next(|start| search.found.may_enter(start))? {
        if is_gone() {
            return Ok(Found { ids: Vec::new(), _held: held });
        }
        let reader = segment.block(block).map_err(unavailable)?;
        search.rows(&reader).map_err(|error| in_block(segment, block, error))?;
        read += 1;
    }
    let blocks = snapshot.segments.iter().map(|segment| segment.blocks().len() as u64);
    snapshot.metrics.searched(read, blocks.sum());
    let ids = search.found.into_ids();
    held.resize(size_of_val(&*ids))?;
    Ok(Found { ids, _held: held })
}

impl Search<'_, '_> {
    /// Adds the matching traces among these rows.
    fn rows<T: Rows<Error: std::fmt::Display>>(&mut self, table: &T) -> Result<(), ReadError> {
        let matches = evaluate(table, self.condition).map_err(unavailable)?;
        if matches.possible.is_empty() {
            return Ok(());
        }
        let (mut matching, doubtful) = (matches.certain.clone(), matches.doubtful());
        if doubtful.any() {
            let read = table.read(&doubtful, |span| self.predicate.matches(&span));
            matching.unite(&read.map_err(unavailable)?);
        }
        table
            .for_each(&matching, |start, id| {
                if self.query.start.contains(start) {
                    self.found.add(id, start);
                }
            })
            .map_err(unavailable)?;
        self.held.resize(self.found.bytes())
    }
}

/// Rows that a search can go through.
trait Rows: Table {
    /// Tells of each of these rows when its span starts, and its trace.
    fn for_each(&self, rows: &Bitmap, tell: impl FnMut(u64, TraceId)) -> Result<(), Self::Error>;

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
