//! Searching for spans.

use std::collections::BTreeMap;
use std::iter;

use bytes::Bytes;
use spoor_store::{FoundSpan, ReadError, SpanKey, SpanQuery};
use tracing::info_span;

use super::lookup::TEXT_BYTES;
use super::prune::Candidates;
use super::rank::SpanRanking;
use super::{Place, Rows, Search, Visit, unavailable};
use crate::bitmap::Bitmap;
use crate::block::{BlockError, BlockIndex};
use crate::budget::{Grant, List};
use crate::rows::{FRAGMENT_BYTES, RebuildError, Source, next_fragment};
use crate::stream::Stop;
use crate::tenant::Snapshot;

/// How many spans are put together at a time at first, so that the first are told soon, and at most.
const FIRST_SPANS: usize = 256;
const MOST_SPANS: usize = 4 << 10;
/// What those in blocks take together, unless it is one.
const SPANS_BYTES: usize = 1 << 20;

/// A span that was found, and its row.
type Spot = (SpanKey, (Place, u32));

/// Tells the spans that match, in order.
pub(crate) fn find_spans(
    snapshot: &Snapshot,
    grant: &Grant,
    query: &SpanQuery,
    is_gone: &dyn Fn() -> bool,
    tell: impl FnMut(FoundSpan) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let search = Search::new(snapshot, grant, &query.filter, is_gone)?;
    let mut held = grant.list();
    let mut candidates =
        Candidates::new(snapshot, &search.condition, is_gone, |block| place_of(query, block));
    held.resize(candidates.bytes())?;
    let mut ranked = Ranked { query, found: SpanRanking::new(query), held: grant.list() };
    if search.run(&mut candidates, &mut ranked)?.is_none() {
        return Err(Stop::Gone);
    }
    let found = ranked.found.into_spans();
    ranked.held.resize(size_of_val(&*found))?;
    tell_spans(snapshot, grant, &found, is_gone, tell)
}

/// The least position that a span of a block can have, as far as the first comparison tells; none
/// if none of its spans is asked for.
fn place_of(query: &SpanQuery, block: &BlockIndex) -> Option<u128> {
    let starts = [block.min_start.max(query.start.min), block.max_start.min(query.start.max)];
    if starts[0] > starts[1] {
        return None;
    }
    let [first, last] = query.order.extent(starts, block.durations());
    let after = query.after.map(|after| query.order.position(&after).first());
    after.is_none_or(|after| after <= last).then_some(first)
}

/// Spans that were found so far.
struct Ranked<'q, 'g> {
    query: &'q SpanQuery,
    found: SpanRanking<'q, (Place, u32)>,
    held: List<'g>,
}

impl Visit for Ranked<'_, '_> {
    fn may_enter(&self, place: u128) -> bool {
        self.found.may_enter(place)
    }

    fn rows<T: Rows<Error: std::fmt::Display>>(
        &mut self,
        place: Place,
        table: &T,
        matching: &Bitmap,
    ) -> Result<(), ReadError> {
        let told = table.for_each_key(matching, |row, key| {
            if self.query.start.contains(key.start) {
                self.found.add(key, (place, row));
            }
        });
        told.map_err(unavailable)?;
        self.held.resize(self.found.bytes())
    }
}

/// Tells these spans, some at a time.
fn tell_spans(
    snapshot: &Snapshot,
    grant: &Grant,
    mut found: &[Spot],
    is_gone: &dyn Fn() -> bool,
    mut tell: impl FnMut(FoundSpan) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let _stage = info_span!("read spans", spoor.spans = found.len() as i64).entered();
    let (mut texts, mut large) = (grant.list(), grant.list());
    let mut most = FIRST_SPANS;
    while !found.is_empty() {
        let some = &found[..most.min(found.len())];
        let of_blocks = read_blocks(snapshot, some, is_gone, &mut texts)?;
        let (some, later) = found.split_at(of_blocks.len());
        for ((key, (place, row)), of_block) in some.iter().zip(of_blocks) {
            let data = match place {
                Place::Head(number) => {
                    let guard = snapshot.heads[*number].0.rows();
                    span_of(&*guard, *row).map_err(unavailable)?
                }
                Place::Block(..) => of_block,
            };
            large.resize_to_fit(data.len().saturating_sub(FRAGMENT_BYTES))?;
            tell(FoundSpan { key: *key, data })?;
        }
        (found, most) = (later, (2 * some.len()).min(MOST_SPANS));
    }
    Ok(())
}

/// Those of the first of these spans that lie in blocks, as they are told; as many as may be held,
/// at least one. Each block is read once, however its spans and those of others alternate.
fn read_blocks(
    snapshot: &Snapshot,
    found: &[Spot],
    is_gone: &dyn Fn() -> bool,
    texts: &mut List<'_>,
) -> Result<Vec<Bytes>, Stop> {
    let mut by_block = BTreeMap::<(usize, u32), Vec<(u32, usize)>>::new();
    for (index, (_, (place, row))) in found.iter().enumerate() {
        if let Place::Block(segment, block) = place {
            by_block.entry((*segment, *block)).or_default().push((*row, index));
        }
    }
    let (mut spans, mut bytes) = (vec![Bytes::new(); found.len()], 0);
    for ((segment, block), mut own) in by_block {
        if is_gone() {
            return Err(Stop::Gone);
        }
        own.retain(|(_, index)| *index < spans.len());
        if own.is_empty() {
            continue;
        }
        own.sort_unstable();
        let segment = &snapshot.segments[segment];
        let reader = segment.block(block).map_err(unavailable)?;
        let read = reader.span_rows(own.iter().map(|(row, _)| *row));
        let read = read.map_err(|error| unavailable(segment.error_in(block, error)))?;
        texts.resize_to_fit(read.text_bytes().saturating_sub(TEXT_BYTES))?;
        for (row, index) in own {
            if index >= spans.len() {
                continue;
            }
            let span = span_of(&read, row);
            let named = |error| unavailable(segment.error_in(block, BlockError::Row(error)));
            spans[index] = span.map_err(named)?;
            bytes += spans[index].len();
            while bytes > SPANS_BYTES && spans.len() > 1 {
                bytes -= spans.pop().map_or(0, |last| last.len());
            }
        }
    }
    Ok(spans)
}

/// The span of a row with its resource and its scope.
fn span_of(source: &impl Source, row: u32) -> Result<Bytes, RebuildError> {
    Ok(next_fragment(source, &mut iter::once(row).peekable())?.unwrap_or_default())
}
