//! What is told of a trace, compared with what is found naively, for random traces that no honest
//! service makes.
#![allow(clippy::unwrap_used)]

mod hostile;
mod large;
mod oracle;
mod red;

use rand::SeedableRng;
use rand::rngs::StdRng;
use traces::{Row, Span, Trace};

use hostile::sent;
use oracle::Oracle;

/// Each message of a failure names the seed, with which the same trace is made again.
const SEEDS: u64 = 5_000;

fn each(mut check: impl FnMut(Vec<Span>, &Trace, u64)) {
    for seed in 0..SEEDS {
        let spans = sent(&mut StdRng::seed_from_u64(seed));
        let trace = Trace::of(spans.clone());
        check(spans, &trace, seed);
    }
}

/// The place of a span of this trace.
fn place(trace: &Trace, span: &Span) -> usize {
    let found = trace.spans().iter().position(|other| std::ptr::eq(other, span));
    found.expect("a span of the trace is told")
}

#[test]
fn every_span_is_kept_once_by_its_start() {
    each(|sent, trace, seed| {
        assert_eq!(trace.spans(), oracle::without_copies(sent), "seed {seed}");
    });
}

#[test]
fn every_span_has_one_row_with_its_depth_and_what_is_below_it() {
    each(|_, trace, seed| {
        let row = |row: Row<'_>| (place(trace, row.span), row.depth, row.below, row.last);
        let rows: Vec<_> = trace.rows().into_iter().map(row).collect();
        assert_eq!(rows, Oracle::new(trace).rows(), "seed {seed}");
        let mut places: Vec<_> = rows.iter().map(|row| row.0).collect();
        places.sort_unstable();
        assert!(places.into_iter().eq(0..trace.spans().len()), "seed {seed}: {rows:?}");
    });
}

#[test]
fn whoever_is_above_below_or_lost_is_found() {
    each(|_, trace, seed| {
        let oracle = Oracle::new(trace);
        for (at, span) in trace.spans().iter().enumerate() {
            let parent = trace.parent(span).map(|span| place(trace, span));
            assert_eq!(parent, oracle.parent(at), "seed {seed}: the parent of {at}");
            let caller = trace.caller(span).map(|span| place(trace, span));
            assert_eq!(caller, oracle.caller(at), "seed {seed}: the caller of {at}");
            let orphan = !span.parent_id.is_empty() && parent.is_none();
            assert_eq!(trace.is_orphan(span), orphan, "seed {seed}: {at}");
        }
        let first = trace.first().map(|span| place(trace, span));
        assert_eq!(first, oracle.tops().first().copied(), "seed {seed}");
    });
}

#[test]
fn the_critical_path_fills_the_first_span_and_nothing_else() {
    each(|_, trace, seed| {
        let path = trace.critical_path();
        let Some(first) = trace.first() else { return assert_eq!(path, []) };
        let mut cursor = first.start;
        for stretch in &path {
            assert_eq!(stretch.start, cursor, "seed {seed}: no gap and no overlap");
            assert!(stretch.start < stretch.end, "seed {seed}: {stretch:?}");
            assert!(stretch.span.start <= stretch.start, "seed {seed}: {stretch:?}");
            assert!(stretch.end <= stretch.span.end, "seed {seed}: {stretch:?}");
            cursor = stretch.end;
        }
        assert_eq!(cursor, first.end.max(first.start), "seed {seed}");
    });
}

#[test]
fn the_critical_path_is_the_one_that_is_found_naively() {
    each(|_, trace, seed| {
        let path = trace.critical_path();
        let path: Vec<_> =
            path.iter().map(|it| (place(trace, it.span), it.start, it.end)).collect();
        assert_eq!(path, Oracle::new(trace).critical_path(), "seed {seed}");
    });
}

#[test]
fn the_gaps_are_the_instants_in_which_nothing_below_runs() {
    each(|_, trace, seed| {
        let gaps = trace.gaps(0.0);
        let instants = gaps.iter().flat_map(|gap| {
            let at = place(trace, gap.span);
            (gap.start..gap.end).map(move |instant| (at, instant))
        });
        assert_eq!(instants.collect::<Vec<_>>(), Oracle::new(trace).idle(), "seed {seed}");
    });
}
