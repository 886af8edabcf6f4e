//! Bounds of time and duration.

use super::fixtures::{
    MILLISECOND, START, Span, export, of_service, request, resource_spans, span, span_at,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::{LegacyQuery, QueryError};

rules![
    bounds_of_time_are_inclusive_nanoseconds,
    absent_bounds_of_time_mean_unbounded,
    bounds_of_time_are_those_of_the_matching_span,
    bounds_of_duration_are_inclusive_nanoseconds,
    a_duration_is_that_of_one_span,
    a_negative_duration_is_below_zero,
    a_maximum_below_its_minimum_is_an_error,
];

fn started(min: Option<u64>, max: Option<u64>) -> LegacyQuery {
    LegacyQuery { start_min: min, start_max: max, ..LegacyQuery::default() }
}

fn lasted(min: Option<u64>, max: Option<u64>) -> LegacyQuery {
    LegacyQuery { duration_min: min, duration_max: max, ..LegacyQuery::default() }
}

async fn expect_found(probe: &Probe, query: LegacyQuery, traces: &[u64]) -> Outcome {
    let found = probe.find_any_order(&query).await?;
    expect(&format!("traces by {query:?}"), found.as_slice(), traces)
}

async fn bounds_of_time_are_inclusive_nanoseconds(probe: Probe) -> Outcome {
    let spans = [1, 2, 3].map(|trace| span_at(trace, 1, START + trace));
    probe.write(export("a", spans)).await?;
    let at = |trace| Some(START + trace);
    expect_found(&probe, started(at(1), at(3)), &[1, 2, 3]).await?;
    expect_found(&probe, started(at(2), at(2)), &[2]).await?;
    expect_found(&probe, started(at(2), at(3)), &[2, 3]).await?;
    expect_found(&probe, started(at(1), at(2)), &[1, 2]).await?;
    expect_found(&probe, started(at(4), at(5)), &[]).await
}

async fn absent_bounds_of_time_mean_unbounded(probe: Probe) -> Outcome {
    let spans = [(1, 0), (2, START), (3, 1 << 63), (4, u64::MAX)]
        .map(|(trace, start)| span_at(trace, 1, start));
    probe.write(export("a", spans)).await?;
    expect_found(&probe, started(None, None), &[1, 2, 3, 4]).await?;
    expect_found(&probe, started(Some(START - 1), None), &[2, 3, 4]).await?;
    expect_found(&probe, started(None, Some(START + 1)), &[1, 2]).await
}

async fn bounds_of_time_are_those_of_the_matching_span(probe: Probe) -> Outcome {
    let later = START + 10 * MILLISECOND;
    probe
        .write(request([
            resource_spans("a", [span(1, 1)]),
            resource_spans("b", [span_at(1, 2, later)]),
        ]))
        .await?;
    let from = |start, service| LegacyQuery { start_min: Some(start), ..of_service(service) };
    expect_found(&probe, from(later - 1, "a"), &[]).await?;
    expect_found(&probe, from(later - 1, "b"), &[1]).await
}

fn lasting(trace: u64, id: u64, nanos: u64) -> Span {
    Span { end_time_unix_nano: START + nanos, ..span(trace, id) }
}

async fn bounds_of_duration_are_inclusive_nanoseconds(probe: Probe) -> Outcome {
    probe.write(export("a", [1, 2, 3].map(|trace| lasting(trace, 1, 1000 + trace)))).await?;
    expect_found(&probe, lasted(Some(1001), Some(1003)), &[1, 2, 3]).await?;
    expect_found(&probe, lasted(Some(1002), Some(1002)), &[2]).await?;
    expect_found(&probe, lasted(Some(1002), None), &[2, 3]).await?;
    expect_found(&probe, lasted(None, Some(1002)), &[1, 2]).await
}

async fn a_duration_is_that_of_one_span(probe: Probe) -> Outcome {
    // The trace takes eleven milliseconds, each span one.
    let spans = [span(1, 1), span_at(1, 2, START + 10 * MILLISECOND)];
    probe.write(export("a", spans)).await?;
    expect_found(&probe, lasted(Some(2 * MILLISECOND), None), &[]).await?;
    expect_found(&probe, lasted(None, Some(2 * MILLISECOND)), &[1]).await
}

async fn a_negative_duration_is_below_zero(probe: Probe) -> Outcome {
    let backwards = |trace, end| Span { end_time_unix_nano: end, ..span(trace, 1) };
    let spans = [backwards(1, START - 5), backwards(2, 0), backwards(3, START)];
    probe.write(export("a", spans)).await?;
    expect_found(&probe, lasted(None, Some(0)), &[1, 2, 3]).await?;
    expect_found(&probe, lasted(Some(0), None), &[3]).await?;
    expect_found(&probe, lasted(None, None), &[1, 2, 3]).await
}

async fn a_maximum_below_its_minimum_is_an_error(_: Probe) -> Outcome {
    let compiled = |query: LegacyQuery| query.compile(10).map(drop);
    expect("times", compiled(started(Some(2), Some(1))), Err(QueryError::StartRange))?;
    expect("durations", compiled(lasted(Some(2), Some(1))), Err(QueryError::DurationRange))?;
    expect("equal times", compiled(started(Some(2), Some(2))), Ok(()))?;
    expect("equal durations", compiled(lasted(Some(2), Some(2))), Ok(()))
}
