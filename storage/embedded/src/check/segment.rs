//! Checking a segment: what it says of itself, and whether its blocks agree.

use std::collections::HashSet;

use super::repair::Plan;
use super::{Check, Loss};
use crate::block::{BlockError, EncodedBlock, Encoder};
use crate::error::OpenError;
use crate::manifest::FileName;
use crate::rows::{Rows, Source, fragments};
use crate::segment::{Catalogue, Segment, SegmentError, SegmentInfo, SortedKeys};
use crate::tenant::add_to_catalogue;
use crate::tools::TenantDir;

/// The blocks whose filters are read at a time.
const FILTERS_AT_A_TIME: usize = 64;

impl Check<'_> {
    pub(super) fn segment(
        &mut self,
        tenant: &TenantDir,
        info: &SegmentInfo,
        plan: &mut Plan,
    ) -> Result<(), OpenError> {
        let path = FileName::Segment(info.number).path_in(&tenant.dir);
        self.report.segments += 1;
        let segment = match Segment::open(self.disk, &path) {
            Ok(segment) => segment,
            Err(error @ SegmentError::Newer { .. }) => return Err(error.into()),
            Err(error) => {
                self.find(tenant, path, None, &error.to_string(), Loss::Spans(info.spans));
                plan.drop_segment(info.number);
                self.advance(info.bytes);
                return Ok(());
            }
        };
        if segment.info() != info {
            let reason = "another segment is in its place";
            self.find(tenant, path, None, reason, Loss::Spans(info.spans));
            plan.drop_segment(info.number);
            self.advance(info.bytes);
            return Ok(());
        }
        let before = self.report.findings.len();
        let mut parts = Vec::new();
        segment.check(|error| parts.push(error.to_string()));
        for reason in parts {
            self.find(tenant, path.clone(), None, &reason, Loss::Nothing);
        }
        let mut encoder = Encoder::new()?;
        let mut catalogue = Catalogue::default();
        let mut sound = Vec::new();
        let blocks: Vec<u32> = (0..segment.blocks().len() as u32).collect();
        for blocks in blocks.chunks(FILTERS_AT_A_TIME) {
            // What is damaged of them was told. Those of an older version lack what is newer.
            let filters = segment.filters(blocks, |_| {}).ok();
            let filters = filters.filter(|_| segment.has_all_entries());
            for (place, block) in blocks.iter().enumerate() {
                let index = segment.blocks()[*block as usize];
                self.report.blocks += 1;
                self.advance(index.len.into());
                // No damage: a repair would take it from the program that can read it.
                if let Err(error @ SegmentError::Block { source: BlockError::Newer(_), .. }) =
                    segment.block(*block)
                {
                    return Err(error.into());
                }
                match examine(&segment, *block, &mut encoder) {
                    Err(reason) => {
                        let loss = Loss::Spans(index.rows.into());
                        self.find(tenant, path.clone(), Some(*block), &reason, loss);
                    }
                    Ok((rows, encoded)) => {
                        sound.push(*block);
                        self.report.spans += u64::from(rows.len());
                        add_to_catalogue(&rows, &mut catalogue);
                        let filter = filters.as_ref().map(|filters| filters.get(place));
                        if filter.is_some_and(|it| {
                            !encoded.entries.iter().all(|entry| it.passes(*entry))
                        }) {
                            let reason = "its filter lacks some of what it holds";
                            self.find(tenant, path.clone(), Some(*block), reason, Loss::Nothing);
                        }
                    }
                }
            }
        }
        let is_whole = sound.len() == blocks.len();
        if is_whole && !has_all(&segment, &catalogue).unwrap_or(true) {
            let reason = "its catalogue lacks some of what its blocks hold";
            self.find(tenant, path, None, reason, Loss::Nothing);
        }
        if self.report.findings.len() > before {
            plan.rewrite_segment(info.number, sound);
        }
        Ok(())
    }
}

/// Reads all of a block, and encodes its spans anew. Else tells what is wrong with it.
pub(super) fn examine(
    segment: &Segment,
    block: u32,
    encoder: &mut Encoder,
) -> Result<(Rows, EncodedBlock), String> {
    let index = &segment.blocks()[block as usize];
    let reader = segment.block(block).map_err(|error| error.to_string())?;
    let read = || {
        reader.check()?;
        Ok((reader.trace_ids()?, reader.trace_rows()?, reader.span_rows(0..reader.rows())?))
    };
    let (trace_ids, _, spans) =
        read().map_err(|error: crate::block::BlockError| error.to_string())?;
    if reader.rows() != index.rows || reader.traces() != index.traces {
        return Err("it has other numbers of spans and traces than the index tells".to_owned());
    }
    if trace_ids.iter().collect::<HashSet<_>>().len() < trace_ids.len() {
        return Err("it has a trace twice".to_owned());
    }
    let is_told = spans.numbers().filter_map(|row| spans.span(row)).all(|span| {
        let duration = i128::from(span.end) - i128::from(span.start);
        (index.min_start..=index.max_start).contains(&span.start)
            && index.may_last(duration, duration)
    });
    if !is_told {
        return Err("it has spans at other times than the index tells".to_owned());
    }
    let mut rows = Rows::new();
    for fragment in fragments(&spans, spans.numbers()) {
        let fragment = fragment.map_err(|error| error.to_string())?;
        rows.append_traces_data(&fragment).map_err(|error| error.to_string())?;
    }
    if rows.len() != index.rows {
        return Err("some of its spans are none that the store takes".to_owned());
    }
    let order: Vec<u32> = (0..rows.traces()).flat_map(|trace| rows.rows_of(trace)).collect();
    let encoded = encoder.encode(&rows, &order).map_err(|error| error.to_string())?;
    Ok((rows, encoded))
}

/// Whether a segment's catalogue has all of these keys.
fn has_all(segment: &Segment, catalogue: &Catalogue) -> Result<bool, SegmentError> {
    Ok(includes(&mut segment.operations()?, &mut catalogue.operations())?
        && includes(&mut segment.attributes()?, &mut catalogue.attributes())?)
}

/// Whether the first list has all keys of the second.
fn includes(all: &mut dyn SortedKeys, some: &mut dyn SortedKeys) -> Result<bool, SegmentError> {
    let mut more = all.advance()?;
    while some.advance()? {
        while more && all.key() < some.key() {
            more = all.advance()?;
        }
        if !more || all.key() != some.key() {
            return Ok(false);
        }
    }
    Ok(true)
}
