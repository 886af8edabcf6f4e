//! Which blocks a search has to read, and in which order.

use std::cmp::Reverse;
use std::sync::Arc;

use spoor_store::filter::Field;

use super::condition::{Condition, Values};
use crate::bitmap::Bitmap;
use crate::block::{BlockIndex, entries};
use crate::segment::{Segment, SegmentError};
use crate::tenant::Snapshot;

/// The blocks that may have matching spans, those that come first in front.
pub(super) struct Candidates<'s> {
    segments: &'s [Arc<Segment>],
    condition: &'s Condition,
    /// The place, the segment and the block; the next is the last.
    queue: Vec<(Reverse<u128>, u32, u32)>,
    /// By segment, the blocks that pass its filters, once that was looked up.
    passing: Vec<Option<Bitmap>>,
    is_gone: &'s dyn Fn() -> bool,
}

impl<'s> Candidates<'s> {
    /// The blocks that have a place. Those with lesser ones come first. Once its caller `is_gone`,
    /// what it gives means nothing.
    pub(super) fn new(
        snapshot: &'s Snapshot,
        condition: &'s Condition,
        is_gone: &'s dyn Fn() -> bool,
        place_of: impl Fn(&BlockIndex) -> Option<u128>,
    ) -> Self {
        let mut queue = Vec::new();
        for (segment, blocks) in (0..).zip(&snapshot.segments) {
            for (block, index) in (0..).zip(blocks.blocks()) {
                queue.extend(place_of(index).map(|place| (Reverse(place), segment, block)));
            }
        }
        queue.sort_unstable();
        let passing = vec![None; snapshot.segments.len()];
        Self { segments: &snapshot.segments, condition, queue, passing, is_gone }
    }

    /// What it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.queue.capacity() * size_of::<(Reverse<u128>, u32, u32)>() + self.queue.len() / 8
    }

    /// The next block, and the number of its segment. `may_enter` tells whether one at this place
    /// could change anything.
    pub(super) fn next(&mut self, may_enter: impl Fn(u128) -> bool) -> Option<(usize, u32)> {
        while let Some((Reverse(place), number, block)) = self.queue.pop() {
            if !may_enter(place) {
                break;
            }
            let number = number as usize;
            let (segment, passing) = (&*self.segments[number], &mut self.passing[number]);
            let passing = passing
                .get_or_insert_with(|| passing_blocks(segment, self.condition, self.is_gone));
            if passing.contains(block as usize) {
                return Some((number, block));
            }
        }
        None
    }
}

/// The blocks of a segment of which a span may satisfy the condition.
fn passing_blocks(segment: &Segment, condition: &Condition, is_gone: &dyn Fn() -> bool) -> Bitmap {
    let mut pruning = Pruning { segment, is_gone, unread: None };
    let passing = pruning.those_of(condition, &Bitmap::all(segment.blocks().len()));
    if let Some(error) = pruning.unread {
        tracing::warn!(%error, "a search reads more blocks than it should have to");
    }
    passing
}

struct Pruning<'s> {
    segment: &'s Segment,
    is_gone: &'s dyn Fn() -> bool,
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
            Condition::Attribute { level, key, values } => {
                // Most attributes are of one level, and searches ask for all.
                let entry = entries::key_entry(*level, key);
                let with_key = self.with_newer_entry(entry, blocks.clone());
                self.with_text(values, with_key, |text| {
                    Some(entries::attribute_entry(*level, key, text))
                })
            }
            Condition::Field { field, values } => {
                self.with_text(values, blocks.clone(), |text| entries::field_entry(*field, text))
            }
            Condition::Range { field, min, max } => {
                let mut passing = Bitmap::none(blocks.len());
                for (number, block) in self.segment.blocks().iter().enumerate() {
                    let may_be = match field {
                        Field::SpanStart => block.may_start(*min, *max),
                        Field::SpanEnd => block.may_end(*min, *max),
                        _ => block.may_last(*min, *max),
                    };
                    if blocks.contains(number) && may_be {
                        passing.insert(number);
                    }
                }
                passing
            }
            Condition::Trace(id) => {
                let [first, second] = entries::trace_entries(id);
                let passing = self.with_entry(first, blocks.clone());
                self.with_entry(second, passing)
            }
            // What a block has of the inner condition says nothing of what it lacks.
            Condition::Not(_) | Condition::Span(_) | Condition::Unknown => blocks.clone(),
        }
    }

    /// Those of the blocks that may have one of the values, if what these can be is known and has
    /// entries.
    fn with_text(
        &mut self,
        values: &Values,
        blocks: Bitmap,
        entry: impl Fn(&str) -> Option<u64>,
    ) -> Bitmap {
        let entries = values.texts().map(|texts| texts.iter().map(|text| entry(text)));
        let Some(Some(entries)) = entries.map(|entries| entries.collect::<Option<Vec<_>>>()) else {
            return blocks;
        };
        let mut passing = Bitmap::none(blocks.len());
        for entry in entries {
            passing.unite(&self.with_entry(entry, blocks.clone()));
        }
        passing
    }

    /// Those of the blocks that may have an entry which older segments lack.
    fn with_newer_entry(&mut self, entry: u64, blocks: Bitmap) -> Bitmap {
        if self.segment.has_all_entries() { self.with_entry(entry, blocks) } else { blocks }
    }

    fn with_entry(&mut self, entry: u64, blocks: Bitmap) -> Bitmap {
        if blocks.is_empty() || (self.is_gone)() {
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
        Condition::Field { field: Field::ResourceService, values } => match values.texts()? {
            [service] => Some(service),
            _ => None,
        },
        _ => None,
    })?;
    let least = conditions.iter().find_map(|condition| match condition {
        Condition::Range { field: Field::SpanDuration, min, .. } if *min > 0 => Some(*min),
        _ => None,
    })?;
    let step = entries::duration_step(u64::try_from(least).unwrap_or(u64::MAX))?;
    Some(entries::duration_entry(step, service))
}

#[cfg(test)]
mod tests;
