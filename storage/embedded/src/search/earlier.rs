//! Which traces come before a page, because a matching span of theirs does.

use std::collections::HashSet;

use spoor_store::otlp::SpanInTrace;
use spoor_store::{ReadError, TimeRange, TraceId, TraceRank};
use tracing::info_span;

use super::lookup::blocks_with;
use super::{Rows, Search, head, in_block, unavailable};
use crate::bitmap::Bitmap;
use crate::block::Reader;
use crate::tenant::Head;

/// Those of these traces that have a matching span at or before this place.
///
/// Gives none if it ended early because nobody waits for it.
pub(super) fn those_before(
    search: &Search<'_>,
    start: TimeRange,
    after: TraceRank,
    ranks: &[TraceRank],
) -> Result<Option<HashSet<TraceId>>, ReadError> {
    let _stage = info_span!("search earlier pages", spoor.traces = ranks.len() as i64).entered();
    let start = TimeRange { min: after.start.max(start.min), ..start };
    let is_before = |rank: TraceRank| start.contains(rank.start) && rank <= after;
    let mut found = HashSet::new();
    if start.min > start.max {
        return Ok(Some(found));
    }
    let ids: Vec<_> = ranks.iter().map(|rank| rank.trace_id).collect();
    for (head, rows) in &search.snapshot.heads {
        for id in &ids {
            if (search.is_gone)() {
                return Ok(None);
            }
            if in_head(search, head, *rows, id, is_before)? {
                found.insert(*id);
            }
        }
    }
    for segment in &search.snapshot.segments {
        let mut within = Bitmap::none(segment.blocks().len());
        for (number, block) in segment.blocks().iter().enumerate() {
            if block.may_start(start.min.into(), start.max.into()) {
                within.insert(number);
            }
        }
        if within.is_empty() {
            continue;
        }
        for (block, wanted) in blocks_with(segment, &within, &ids) {
            if (search.is_gone)() {
                return Ok(None);
            }
            let ids: HashSet<_> = wanted.into_iter().map(|index| ids[index]).collect();
            let reader = segment.block(block).map_err(unavailable)?;
            let read = in_block_rows(search, &reader, &ids, is_before);
            found.extend(read.map_err(|error| in_block(segment, block, error))?);
        }
    }
    Ok(Some(found))
}

fn in_head(
    search: &Search<'_>,
    head: &Head,
    rows: u32,
    id: &TraceId,
    is_before: impl Fn(TraceRank) -> bool,
) -> Result<bool, ReadError> {
    let early: Vec<_> = {
        let guard = head.rows();
        let Some(trace) = guard.trace(id) else { return Ok(false) };
        let own = guard.rows_of(trace).take_while(|row| *row < rows);
        let rank = |row| TraceRank { start: guard.span(row).start, trace_id: *id };
        own.filter(|row| is_before(rank(*row))).collect()
    };
    for row in early.into_iter().take_while(|_| !(search.is_gone)()) {
        let step = head::Step::new(head, row..row + 1);
        let is_match = |span: SpanInTrace<'_>| search.predicate.matches_for(&span, search.is_gone);
        if step.read(&Bitmap::all(1), is_match).map_err(unavailable)?.any() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn in_block_rows(
    search: &Search<'_>,
    reader: &Reader,
    ids: &HashSet<TraceId>,
    is_before: impl Fn(TraceRank) -> bool,
) -> Result<Vec<TraceId>, ReadError> {
    let traces = reader.trace_ids().map_err(unavailable)?;
    let mut rows = Bitmap::none(reader.rows() as usize);
    for (id, range) in traces.iter().zip(reader.trace_rows().map_err(unavailable)?) {
        if TraceId::from_slice(id).is_some_and(|id| ids.contains(&id)) {
            range.for_each(|row| rows.insert(row as usize));
        }
    }
    let mut early = Bitmap::none(rows.len());
    reader
        .for_each(&rows, |row, rank| {
            if is_before(rank) {
                early.insert(row as usize);
            }
        })
        .map_err(unavailable)?;
    let mut found = Vec::new();
    if early.any() {
        let matching = search.matching(reader, Some(&early))?;
        let told = reader.for_each(&matching, |_, rank| found.push(rank.trace_id));
        told.map_err(unavailable)?;
    }
    Ok(found)
}
