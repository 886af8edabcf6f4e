//! Traces that are very deep or very wide. What grew with the square of their size would take
//! minutes.

use std::time::{Duration, Instant};

use traces::{Link, Red, Span, SpanKind, Topology, Trace, red};

const SPANS: u64 = 100_000;
/// Many times what it takes, also unoptimised on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

fn span(id: u64, parent: Option<u64>, start: u64, end: u64) -> Span {
    Span {
        id: format!("{id:016x}"),
        parent_id: parent.map(|id| format!("{id:016x}")).unwrap_or_default(),
        service: format!("service {id}"),
        name: format!("operation {id}"),
        start,
        end,
        ..Span::default()
    }
}

/// All that is told of a trace; returns how many rows and stretches there are.
fn told(spans: Vec<Span>) -> (usize, usize) {
    let begin = Instant::now();
    let trace = Trace::of(spans);
    let rows = trace.rows();
    let path = trace.critical_path();
    trace.gaps(0.001);
    assert_eq!(trace.services().len(), trace.spans().len());
    let callers = trace.spans().iter().filter(|span| trace.caller(span).is_some()).count();
    assert!(callers <= rows.len());
    let topology = Topology::of([&trace]);
    assert!(topology.calls.len() <= rows.len());
    red(trace.spans());
    let took = begin.elapsed();
    assert!(took < DEADLINE, "{} spans took {took:?}", rows.len());
    (rows.len(), path.len())
}

#[test]
fn a_chain_as_deep_as_it_is_long_is_told_fast() {
    let below = |id: u64| span(id, id.checked_sub(1), id, 3 * SPANS - id);
    let chain: Vec<_> = (0..SPANS).map(below).collect();
    // Each begins and ends within the one above.
    assert_eq!(told(chain.clone()), (100_000, 199_999));
    let rows = Trace::of(chain);
    let rows = rows.rows();
    let deepest = rows.last().unwrap();
    assert_eq!((deepest.depth, deepest.below, rows[0].below), (99_999, 0, 99_999));
}

#[test]
fn a_chain_of_internal_work_with_many_calls_at_its_end_is_told_fast() {
    let half = SPANS / 2;
    let spans = (0..SPANS).map(|id| match id {
        0 => Span { kind: SpanKind::Server, ..span(0, None, 0, SPANS) },
        id if id < half => Span { kind: SpanKind::Internal, ..span(id, Some(id - 1), 0, SPANS) },
        id => Span { kind: SpanKind::Server, ..span(id, Some(half - 1), id, id + 1) },
    });
    assert_eq!(told(spans.collect()).0, 100_000);
}

#[test]
fn a_fan_as_wide_as_it_is_long_is_told_fast() {
    let child = |id: u64| span(id, Some(0), 2 * id, 2 * id + 1);
    let fan = || std::iter::once(span(0, None, 0, 2 * SPANS)).chain((1..SPANS).map(child));
    // Each child, and what is before, between and after them.
    assert_eq!(told(fan().collect()), (100_000, 199_999));
    // All at once: one is waited for.
    let wide = fan().map(|span| Span { start: 0, end: 9, ..span });
    assert_eq!(told(wide.collect()), (100_000, 1));
}

#[test]
fn a_circle_as_long_as_the_trace_is_told_fast() {
    let round = |id: u64| span(id, Some((id + 1) % SPANS), id, 3 * SPANS - id);
    assert_eq!(told((0..SPANS).map(round).collect()).0, 100_000);
    let own = |id: u64| span(id, Some(id), id, id + 1);
    assert_eq!(told((0..SPANS).map(own).collect()), (100_000, 1));
}

#[test]
fn spans_that_all_have_one_id_are_told_fast() {
    let one = || "1".to_owned();
    let same = |id: u64| Span { id: one(), parent_id: one(), ..span(id, None, 0, id) };
    assert_eq!(told((0..SPANS).map(same).collect()).0, 100_000);
    let copy = |_| span(1, None, 0, 9);
    assert_eq!(told((0..SPANS).map(copy).collect()), (1, 1));
}

#[test]
fn a_consumer_with_many_links_and_an_operation_with_many_requests_are_told_fast() {
    let begin = Instant::now();
    let link = |id: u64| Link { span_id: format!("{id:016x}"), ..Link::default() };
    let consumer = Span {
        kind: SpanKind::Consumer,
        links: (0..SPANS).map(link).collect(),
        ..span(SPANS, None, 0, 9)
    };
    let topology = Topology::of([&Trace::of(vec![consumer])]);
    assert_eq!((topology.calls.len(), topology.services.len()), (0, 1));
    // The longest first, so that each comes before all that are there.
    let spans: Vec<_> = (0..SPANS).rev().map(|took| span(1, None, 0, took)).collect();
    assert_eq!(Red::of(&spans).quantile(0.5), Some(SPANS / 2 - 1));
    assert!(begin.elapsed() < DEADLINE);
}
