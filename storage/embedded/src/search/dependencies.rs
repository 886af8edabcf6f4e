//! The calls between services.

use std::collections::{HashMap, HashSet};

use spoor_store::trace::{CallSpan, DependencyCounts};
use spoor_store::{Dependency, ReadError, TimeRange};
use xxhash_rust::xxh3::xxh3_64;

use super::{STEP, unavailable};
use crate::budget::{Grant, List};
use crate::rows::Rows;
use crate::tenant::{Head, Snapshot};

/// The traces that are counted at a time: to know which lie in several places, their hashes are
/// held.
const TRACES_AT_A_TIME: u64 = 1 << 20;
/// The spans of traces that lie in several places take so many bytes, about, unless they are few
/// traces; then the traces are divided.
const MOST_SPLIT: usize = 4 << 20;
const FEW: usize = 16;
/// What a pair of services takes besides the bytes of their names, about.
const AROUND_PAIR: usize = 256;

/// Counts the calls. Without a caller it ends early, and what it gives means nothing.
pub(crate) fn dependencies(
    snapshot: &Snapshot,
    grant: &Grant,
    range: TimeRange,
    is_gone: impl Fn() -> bool,
) -> Result<Vec<Dependency>, ReadError> {
    let in_segments: u64 = snapshot.segments.iter().map(|segment| segment.info().traces).sum();
    let in_heads: u64 =
        snapshot.heads.iter().map(|(head, _)| u64::from(head.rows().traces())).sum();
    let parts = (in_segments + in_heads).div_ceil(TRACES_AT_A_TIME).max(1);
    let mut counting =
        Counting { range, grant, counts: DependencyCounts::default(), held: grant.list() };
    for part in 0..parts {
        counting.part(snapshot, Part { parts, part }, &is_gone)?;
    }
    Ok(counting.counts.into_sorted())
}

/// Some of the traces, by the hashes of their ids.
#[derive(Clone, Copy)]
struct Part {
    parts: u64,
    part: u64,
}

impl Part {
    fn has(self, hash: u64) -> bool {
        hash % self.parts == self.part
    }

    /// The same traces in four parts.
    fn divide(self) -> impl Iterator<Item = Self> {
        let Self { parts, part } = self;
        (0..4).map(move |index| Self { parts: 4 * parts, part: part + index * parts })
    }
}

struct Counting<'g> {
    range: TimeRange,
    grant: &'g Grant,
    counts: DependencyCounts,
    /// What the counts take.
    held: List<'g>,
}

/// The spans of a trace that lies in several places.
type Split = HashMap<u64, Vec<Owned>>;

/// A span's call, with the number of its service's name.
struct Owned {
    id: [u8; 8],
    /// Zero without a parent.
    parent: [u8; 8],
    start: u64,
    service: u32,
}

/// What such a span takes, about: itself, room that is not used yet, and a number when the trace
/// is counted.
const OWNED_BYTES: usize = size_of::<Owned>() * 5 / 4;

/// Numbers for names.
#[derive(Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

impl Counting<'_> {
    /// Counts these traces.
    fn part(
        &mut self,
        snapshot: &Snapshot,
        part: Part,
        is_gone: &impl Fn() -> bool,
    ) -> Result<(), ReadError> {
        let (mut several, mut held) = (self.grant.list(), self.grant.list());
        let is_wanted = |hash| part.has(hash);
        let in_several = in_several_places(snapshot, &is_wanted, is_gone, &mut several)?;
        if in_several.len() > FEW
            && in_several.len() * OWNED_BYTES * spans_of_one(snapshot) > MOST_SPLIT
        {
            drop((in_several, several));
            return part.divide().try_for_each(|part| self.part(snapshot, part, is_gone));
        }
        let (mut split, mut names) = (Split::new(), Names::default());
        let mut tell = |hash: u64, spans: &[CallSpan<'_>], is_all: bool| {
            if is_all && !in_several.contains(&hash) {
                self.counts.add(spans, |span| *span, self.range);
                return self.held.resize(self.counts.pairs() * AROUND_PAIR);
            }
            held.grow(spans.len() * OWNED_BYTES)?;
            split.entry(hash).or_default().extend(spans.iter().map(|span| Owned {
                id: span.id,
                parent: span.parent.unwrap_or_default(),
                start: span.start,
                service: names.number(span.service),
            }));
            Ok(())
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
                        tell(hash, &spans, true)?;
                    }
                }
            }
        }
        for (head, rows) in &snapshot.heads {
            if is_gone() {
                return Ok(());
            }
            in_head(head, *rows, &is_wanted, &mut tell)?;
        }
        for spans in split.into_values() {
            let call = |span: &Owned| CallSpan {
                id: span.id,
                parent: Some(span.parent).filter(|id| *id != [0; 8]),
                start: span.start,
                service: &names.names[span.service as usize],
            };
            self.counts.add(&spans, call, self.range);
        }
        self.held.resize(self.counts.pairs() * AROUND_PAIR)
    }
}

/// How many spans a trace that lies in two places has, about.
fn spans_of_one(snapshot: &Snapshot) -> usize {
    let infos = || snapshot.segments.iter().map(|segment| segment.info());
    let heads = || snapshot.heads.iter().map(|(head, _)| head.rows());
    let spans: u64 = infos().map(|info| info.spans).sum();
    let spans = spans + heads().map(|rows| u64::from(rows.len())).sum::<u64>();
    let traces: u64 = infos().map(|info| info.traces).sum();
    let traces = traces + heads().map(|rows| u64::from(rows.traces())).sum::<u64>();
    (2 * spans / traces.max(1)) as usize
}

/// The hashes of the wanted traces that lie in several blocks or heads, which take what is held.
fn in_several_places(
    snapshot: &Snapshot,
    is_wanted: &impl Fn(u64) -> bool,
    is_gone: &impl Fn() -> bool,
    held: &mut List<'_>,
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
            held.resize(size_of_val(&*hashes))?;
        }
    }
    for (head, rows) in &snapshot.heads {
        for_each_trace(head, *rows, |_, _, hash| {
            if is_wanted(hash) {
                hashes.push(hash);
            }
        });
        held.resize(size_of_val(&*hashes))?;
    }
    hashes.sort_unstable();
    let equal = || hashes.windows(2).filter(|pair| pair[0] == pair[1]);
    let in_several = equal().count() * 2 * size_of::<u64>();
    held.resize(size_of_val(&*hashes) + in_several)?;
    let several = equal().map(|pair| pair[0]).collect();
    drop(hashes);
    held.resize(in_several)?;
    Ok(several)
}
/// Tells the first row of each trace among these rows, and its id's hash.
fn for_each_trace(head: &Head, rows: u32, mut tell: impl FnMut(&Rows, u32, u64)) {
    let traces = head.rows().traces();
    for from in (0..traces).step_by(STEP as usize) {
        let guard = head.rows();
        for trace in from..traces.min(from + STEP) {
            if let Some(first) = guard.rows_of(trace).next().filter(|row| *row < rows) {
                tell(&guard, first, xxh3_64(guard.trace_id(trace).as_bytes()));
            }
        }
    }
}

/// Tells calls as `tell` takes them, and whether they are all of the trace that the head has.
fn in_head(
    head: &Head,
    rows: u32,
    is_wanted: &impl Fn(u64) -> bool,
    mut tell: impl FnMut(u64, &[CallSpan<'_>], bool) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut told = Ok(());
    for_each_trace(head, rows, |guard, first, hash| {
        let mut own = guard.rows_from(first).take_while(|row| *row < rows);
        let mut is_all = true;
        while told.is_ok() && is_wanted(hash) {
            let calls = own.by_ref().take(STEP as usize).map(|row| {
                let span = guard.span(row);
                CallSpan {
                    id: span.span_id,
                    parent: Some(span.parent_id).filter(|id| *id != [0; 8]),
                    start: span.start,
                    service: &guard.origin(span.origin).service,
                }
            });
            let calls: Vec<_> = calls.collect();
            let is_last = calls.len() < STEP as usize;
            is_all &= is_last;
            told = tell(hash, &calls, is_all);
            if is_last {
                break;
            }
        }
    });
    told
}
