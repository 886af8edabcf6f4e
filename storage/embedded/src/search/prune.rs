//! Which blocks a search has to read, and in which order.

use std::sync::Arc;

use spoor_store::{ReadError, TimeRange};

use super::condition::Condition;
use crate::bitmap::Bitmap;
use crate::block::entries;
use crate::segment::Segment;
use crate::tenant::Snapshot;

/// The blocks that may have matching spans, those with the latest ones first.
pub(super) struct Candidates<'s> {
    segments: &'s [Arc<Segment>],
    condition: &'s Condition,
    /// The latest start that matters, the segment and the block; the next is the last.
    queue: Vec<(u64, u32, u32)>,
    /// By segment, the blocks that pass its filters, once that was looked up.
    passing: Vec<Option<Bitmap>>,
}

impl<'s> Candidates<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, condition: &'s Condition, start: TimeRange) -> Self {
        let mut queue = Vec::new();
        for (segment, blocks) in (0..).zip(&snapshot.segments) {
            for (block, index) in (0..).zip(blocks.blocks()) {
                if index.min_start <= start.max && start.min <= index.max_start {
                    queue.push((index.max_start.min(start.max), segment, block));
                }
            }
        }
        queue.sort_unstable();
        let passing = vec![None; snapshot.segments.len()];
        Self { segments: &snapshot.segments, condition, queue, passing }
    }

    /// What it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.queue.capacity() * size_of::<(u64, u32, u32)>() + self.queue.len() / 8
    }

    /// The next block. `may_enter` tells whether a span that starts then could change anything.
    pub(super) fn next(
        &mut self,
        may_enter: impl Fn(u64) -> bool,
    ) -> Result<Option<(&'s Segment, u32)>, ReadError> {
        while let Some((start, segment, block)) = self.queue.pop() {
            if !may_enter(start) {
                break;
            }
            let (segment, passing) =
                (&*self.segments[segment as usize], &mut self.passing[segment as usize]);
            let passing = passing.get_or_insert_with(|| passing_blocks(segment, self.condition));
            if passing.contains(block as usize) {
                return Ok(Some((segment, block)));
            }
        }
        Ok(None)
    }
}

/// The blocks of a segment of which a span may satisfy the condition.
fn passing_blocks(segment: &Segment, condition: &Condition) -> Bitmap {
    let all = Bitmap::all(segment.blocks().len());
    let mut entries = Vec::new();
    collect(condition, &mut entries);
    let candidates = segment.candidates(&entries, &all);
    if let Some(error) = candidates.unread {
        tracing::warn!(%error, "a search reads more blocks than it should have to");
    }
    evaluate(segment, condition, &mut candidates.blocks.into_iter())
}

/// The entries that the condition asks for, in its order.
fn collect(condition: &Condition, entries: &mut Vec<u64>) {
    match condition {
        Condition::And(conditions) | Condition::Or(conditions) => {
            conditions.iter().for_each(|condition| collect(condition, entries));
        }
        Condition::Attribute { level, key, text } => {
            entries.push(entries::attribute_entry(*level, key, text));
        }
        Condition::Field { field, text } => entries.extend(entries::field_entry(*field, text)),
        // What a block has of the inner condition says nothing of what it lacks.
        Condition::Not(_) | Condition::Duration { .. } | Condition::Unknown => {}
    }
}

fn evaluate(
    segment: &Segment,
    condition: &Condition,
    found: &mut impl Iterator<Item = Bitmap>,
) -> Bitmap {
    let blocks = segment.blocks();
    let all = || Bitmap::all(blocks.len());
    match condition {
        Condition::And(conditions) => conditions.iter().fold(all(), |mut passing, condition| {
            passing.intersect(&evaluate(segment, condition, found));
            passing
        }),
        Condition::Or(conditions) => {
            conditions.iter().fold(Bitmap::none(blocks.len()), |mut passing, condition| {
                passing.unite(&evaluate(segment, condition, found));
                passing
            })
        }
        Condition::Attribute { .. } => found.next().unwrap_or_else(all),
        Condition::Field { field, text } => match entries::field_entry(*field, text) {
            Some(_) => found.next().unwrap_or_else(all),
            None => all(),
        },
        Condition::Duration { min, max } => {
            let mut passing = Bitmap::none(blocks.len());
            for (number, _) in
                blocks.iter().enumerate().filter(|(_, block)| block.may_last(*min, *max))
            {
                passing.insert(number);
            }
            passing
        }
        Condition::Not(_) | Condition::Unknown => all(),
    }
}
