//! Which blocks a search has to read, and in which order.

use std::sync::Arc;

use spoor_store::filter::Field;
use spoor_store::{ReadError, TimeRange};

use super::condition::Condition;
use crate::bitmap::Bitmap;
use crate::block::entries;
use crate::segment::{Segment, SegmentError};
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
    let mut pruning = Pruning { segment, unread: None };
    let passing = pruning.those_of(condition, &Bitmap::all(segment.blocks().len()));
    if let Some(error) = pruning.unread {
        tracing::warn!(%error, "a search reads more blocks than it should have to");
    }
    passing
}

struct Pruning<'s> {
    segment: &'s Segment,
    /// The first page of the filters that could not be used.
    unread: Option<SegmentError>,
}

impl Pruning<'_> {
    /// Those of the blocks of which a span may satisfy the condition.
    fn those_of(&mut self, condition: &Condition, blocks: &Bitmap) -> Bitmap {
        match condition {
            Condition::And(conditions) => {
                let mut passing = blocks.clone();
                if let Some(entry) = duration_of_service(conditions) {
                    passing = self.with_newer_entry(entry, passing);
                }
                for condition in conditions {
                    passing = self.those_of(condition, &passing);
                }
                passing
            }
            Condition::Or(conditions) => {
                let mut passing = Bitmap::none(blocks.len());
                for condition in conditions {
                    passing.unite(&self.those_of(condition, blocks));
                }
                passing
            }
            Condition::Attribute { level, key, text } => {
                // Most attributes are of one level, and searches ask for all.
                let entry = entries::key_entry(*level, key);
                let with_key = self.with_newer_entry(entry, blocks.clone());
                self.with_entry(entries::attribute_entry(*level, key, text), with_key)
            }
            Condition::Field { field, text } => match entries::field_entry(*field, text) {
                Some(entry) => self.with_entry(entry, blocks.clone()),
                None => blocks.clone(),
            },
            Condition::Duration { min, max } => {
                let mut passing = Bitmap::none(blocks.len());
                for (number, block) in self.segment.blocks().iter().enumerate() {
                    if blocks.contains(number) && block.may_last(*min, *max) {
                        passing.insert(number);
                    }
                }
                passing
            }
            // What a block has of the inner condition says nothing of what it lacks.
            Condition::Not(_) | Condition::Unknown => blocks.clone(),
        }
    }

    /// Those of the blocks that may have an entry which older segments lack.
    fn with_newer_entry(&mut self, entry: u64, blocks: Bitmap) -> Bitmap {
        if self.segment.has_all_entries() { self.with_entry(entry, blocks) } else { blocks }
    }

    fn with_entry(&mut self, entry: u64, blocks: Bitmap) -> Bitmap {
        if blocks.is_empty() {
            return blocks;
        }
        let found = self.segment.candidates(&[entry], &blocks);
        self.unread = self.unread.take().or(found.unread);
        found.blocks.into_iter().next().unwrap_or(blocks)
    }
}

/// The entry of blocks that have a span of the service as long as these conditions, all of which
/// must hold, ask for.
fn duration_of_service(conditions: &[Condition]) -> Option<u64> {
    let service = conditions.iter().find_map(|condition| match condition {
        Condition::Field { field: Field::ResourceService, text } => Some(text),
        _ => None,
    })?;
    let least = conditions.iter().find_map(|condition| match condition {
        Condition::Duration { min, .. } if *min > 0 => Some(*min),
        _ => None,
    })?;
    let step = entries::duration_step(u64::try_from(least).unwrap_or(u64::MAX))?;
    Some(entries::duration_entry(step, service))
}

#[cfg(test)]
mod tests;
