//! The calls between services.

use std::collections::{HashMap, HashSet};

use spoor_store::trace::{CallSpan, DependencyCounts};
use spoor_store::{Dependency, ReadError, TimeRange, TraceId};
use xxhash_rust::xxh3::xxh3_64;

use super::{STEP, unavailable};
use crate::tenant::{Head, Snapshot};

/// The traces that are counted at a time: to know which lie in several places, their hashes are
/// held.
const TRACES_AT_A_TIME: u64 = 1 << 21;

/// Counts the calls. Without a caller it ends early, and what it gives means nothing.
pub(crate) fn dependencies(
    snapshot: &Snapshot,
    range: TimeRange,
    is_gone: impl Fn() -> bool,
) -> Result<Vec<Dependency>, ReadError> {
    let in_segments: u64 = snapshot.segments.iter().map(|segment| segment.info().traces).sum();
    let in_heads: u64 =
        snapshot.heads.iter().map(|(head, _)| u64::from(head.rows().traces())).sum();
    let parts = (in_segments + in_heads).div_ceil(TRACES_AT_A_TIME).max(1);
    let mut counting = Counting { range, counts: DependencyCounts::default() };
    for part in 0..parts {
        counting.part(snapshot, |hash| hash % parts == part, &is_gone)?;
    }
    Ok(counting.counts.into_sorted())
}

struct Counting {
    range: TimeRange,
    counts: DependencyCounts,
}

/// The spans of a trace that lies in several places.
type Split = HashMap<u64, Vec<Owned>>;

/// A span's call, with the number of its service's name.
struct Owned {
    id: [u8; 8],
    parent: Option<[u8; 8]>,
    start: u64,
    service: usize,
}

/// Numbers for names.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), self.names.len() - 1);
        self.names.len() - 1
    }
}

impl Counting {
    /// Counts the traces whose hash is wanted.
    fn part(
        &mut self,
        snapshot: &Snapshot,
        is_wanted: impl Fn(u64) -> bool,
        is_gone: &impl Fn() -> bool,
    ) -> Result<(), ReadError> {
        let in_several = in_several_places(snapshot, &is_wanted, is_gone)?;
        let (mut split, mut names) = (Split::new(), Names::default());
        let mut tell = |hash: u64, spans: &[CallSpan<'_>]| {
            if !in_several.contains(&hash) {
                self.counts.add(spans, self.range);
                return;
            }
            split.entry(hash).or_default().extend(spans.iter().map(|span| Owned {
                id: span.id,
                parent: span.parent,
                start: span.start,
                service: names.number(span.service),
            }));
        };
        for segment in &snapshot.segments {
            for block in 0..segment.blocks().len() as u32 {
                if is_gone() {
                    return Ok(());
                }
                let reader = segment.block(block).map_err(unavailable)?;
                let named = |error| unavailable(segment.error_in(block, error));
                let (calls, origins) = reader.calls().map_err(named)?;
                let ids = reader.trace_ids().map_err(named)?;
                let rows = reader.trace_rows().map_err(named)?;
                for (id, rows) in ids.iter().zip(rows) {
                    let hash = xxh3_64(id);
                    if is_wanted(hash) {
                        let calls = calls[rows.start as usize..rows.end as usize].iter();
                        let spans: Vec<_> = calls
                            .map(|call| CallSpan {
                                id: call.id,
                                parent: call.parent,
                                start: call.start,
                                service: &origins[call.origin as usize].service,
                            })
                            .collect();
                        tell(hash, &spans);
                    }
                }
            }
        }
        for (head, rows) in &snapshot.heads {
            if is_gone() {
                return Ok(());
            }
            in_head(head, *rows, &is_wanted, &mut tell);
        }
        for spans in split.into_values() {
            let spans: Vec<_> = spans
                .iter()
                .map(|span| CallSpan {
                    id: span.id,
                    parent: span.parent,
                    start: span.start,
                    service: &names.names[span.service],
                })
                .collect();
            self.counts.add(&spans, self.range);
        }
        Ok(())
    }
}

/// The hashes of the wanted traces that lie in several blocks or heads.
fn in_several_places(
    snapshot: &Snapshot,
    is_wanted: &impl Fn(u64) -> bool,
    is_gone: &impl Fn() -> bool,
) -> Result<HashSet<u64>, ReadError> {
    let mut hashes = Vec::new();
    for segment in &snapshot.segments {
        for block in 0..segment.blocks().len() as u32 {
            if is_gone() {
                return Ok(HashSet::new());
            }
            let reader = segment.block(block).map_err(unavailable)?;
            let ids = reader.trace_ids();
            let ids = ids.map_err(|error| unavailable(segment.error_in(block, error)))?;
            hashes.extend(ids.iter().map(|id| xxh3_64(id)).filter(|hash| is_wanted(*hash)));
        }
    }
    for (head, rows) in &snapshot.heads {
        let ids = traces_of(head, *rows).into_iter();
        hashes.extend(ids.map(|(_, hash)| hash).filter(|hash| is_wanted(*hash)));
    }
    hashes.sort_unstable();
    let equal = hashes.windows(2).filter(|pair| pair[0] == pair[1]);
    Ok(equal.map(|pair| pair[0]).collect())
}

/// The first row of each trace among these rows, and its id's hash.
fn traces_of(head: &Head, rows: u32) -> Vec<(u32, u64)> {
    let guard = head.rows();
    let hash = |id: TraceId| xxh3_64(id.as_bytes());
    let first = |trace| guard.rows_of(trace).next().filter(|row| *row < rows);
    (0..guard.traces())
        .filter_map(|trace| Some((first(trace)?, hash(guard.trace_id(trace)))))
        .collect()
}

fn in_head(
    head: &Head,
    rows: u32,
    is_wanted: &impl Fn(u64) -> bool,
    tell: &mut impl FnMut(u64, &[CallSpan<'_>]),
) {
    let traces = traces_of(head, rows);
    for traces in traces.chunks(STEP as usize) {
        let guard = head.rows();
        for (first, hash) in traces.iter().filter(|(_, hash)| is_wanted(*hash)) {
            let own = guard.rows_from(*first).take_while(|row| *row < rows);
            let spans: Vec<_> = own
                .map(|row| {
                    let span = guard.span(row);
                    CallSpan {
                        id: span.span_id,
                        parent: Some(span.parent_id).filter(|id| *id != [0; 8]),
                        start: span.start,
                        service: &guard.origin(span.origin).service,
                    }
                })
                .collect();
            tell(*hash, &spans);
        }
    }
}
