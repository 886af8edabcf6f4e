//! Faults of bounds and of the order.

use std::cmp::Reverse;

use spoor_store::filter::{Comparison, Constant, Filter, Operand};
use spoor_store::{FoundTrace, ReadError, Store, Tenant, TimeRange, TraceQuery};

use crate::Case;
use crate::editing::{edit_filter, search_edited};
use crate::engine::{Engine, Fault, SOUND, everything, spans_mut};

pub fn faults() -> Vec<Case> {
    let mut faults = bounds();
    faults.extend(order());
    faults
}

/// The traces that match both, in the order of the first.
async fn both(
    engine: &Engine,
    tenant: &Tenant,
    first: TraceQuery,
    second: TraceQuery,
) -> Result<Vec<FoundTrace>, ReadError> {
    let mut found = engine.sound.find_trace_ids(tenant, first).await?;
    let second = engine.sound.find_trace_ids(tenant, second).await?;
    found.retain(|trace| second.contains(trace));
    Ok(found)
}

/// Edits the bounds of duration.
fn edit_durations(query: &mut TraceQuery, edit: fn(Comparison, &mut u64)) {
    edit_filter(&mut query.filter, &mut |filter| {
        if let Filter::Compare(_, comparison, Operand::Constant(Constant::Duration(nanos))) = filter
        {
            edit(*comparison, nanos);
        }
    });
}

fn bounds() -> Vec<Case> {
    let inclusive = &["bounds_of_time_are_inclusive_nanoseconds"];
    vec![
        (
            inclusive,
            Fault { query: |query| query.start.min += u64::from(query.start.min > 0), ..SOUND },
        ),
        (
            inclusive,
            Fault {
                query: |query| query.start.max -= u64::from(query.start.max < u64::MAX),
                ..SOUND
            },
        ),
        // Knows microseconds.
        (inclusive, Fault { query: |query| query.start.min -= query.start.min % 1000, ..SOUND }),
        // Has signed times.
        (
            &["absent_bounds_of_time_mean_unbounded"],
            Fault {
                query: |query| query.start.max = query.start.max.min(i64::MAX as u64),
                ..SOUND
            },
        ),
        // Compares the times of all spans of a matching trace.
        (
            &[
                "bounds_of_time_are_those_of_the_matching_span",
                "the_latest_matching_span_comes_first",
            ],
            Fault {
                search: |engine, tenant, query| {
                    Box::pin(async move {
                        let any_time = TraceQuery { start: TimeRange::default(), ..query.clone() };
                        let in_time = TraceQuery { start: query.start, ..everything() };
                        both(engine, tenant, any_time, in_time).await
                    })
                },
                ..SOUND
            },
        ),
        (
            &["bounds_of_duration_are_inclusive_nanoseconds"],
            Fault {
                query: |query| {
                    edit_durations(query, |comparison, nanos| {
                        *nanos = nanos.saturating_sub(u64::from(comparison == Comparison::Lte));
                    });
                },
                ..SOUND
            },
        ),
        // Takes the duration of the trace.
        (
            &["a_duration_is_that_of_one_span"],
            Fault {
                search: |engine, tenant, query| {
                    search_edited(engine, tenant, query, |resource_spans| {
                        let end =
                            spans_mut(resource_spans).map(|span| span.end_time_unix_nano).max();
                        let count = spans_mut(resource_spans).count();
                        for span in spans_mut(resource_spans).filter(|_| count > 1) {
                            span.end_time_unix_nano = end.unwrap();
                        }
                    })
                },
                ..SOUND
            },
        ),
        // Takes a negative duration for zero.
        (
            &["a_negative_duration_is_below_zero"],
            Fault {
                search: |engine, tenant, query| {
                    search_edited(engine, tenant, query, |resource_spans| {
                        for span in spans_mut(resource_spans) {
                            let start = span.start_time_unix_nano;
                            span.end_time_unix_nano = span.end_time_unix_nano.max(start);
                        }
                    })
                },
                ..SOUND
            },
        ),
    ]
}

fn order() -> Vec<Case> {
    vec![
        // Orders by the first span of the trace.
        (
            &["the_latest_matching_span_comes_first"],
            Fault {
                search: |engine, tenant, query| {
                    Box::pin(async move {
                        let limit = query.limit;
                        let all = TraceQuery { limit: usize::MAX, ..query };
                        let mut found = engine.sound.find_trace_ids(tenant, all).await?;
                        found.sort_by_key(|found| (Reverse(found.start), found.trace_id));
                        found.truncate(limit);
                        Ok(found)
                    })
                },
                ..SOUND
            },
        ),
        // Puts the greater of two ids first.
        (
            &["equal_starts_are_ordered_by_trace_id"],
            Fault {
                search: |engine, tenant, query| {
                    Box::pin(async move {
                        let mut found = engine.sound.find_trace_ids(tenant, query).await?;
                        found.chunk_by_mut(|a, b| a.start == b.start).for_each(<[_]>::reverse);
                        Ok(found)
                    })
                },
                ..SOUND
            },
        ),
        // Cuts in the order of ids.
        (
            &["the_limit_cuts_after_the_order"],
            Fault {
                search: |engine, tenant, query| {
                    Box::pin(async move {
                        let limit = query.limit;
                        let all = TraceQuery { limit: usize::MAX, ..query };
                        let mut found = engine.sound.find_trace_ids(tenant, all).await?;
                        let mut ids: Vec<_> = found.iter().map(|found| found.trace_id).collect();
                        ids.sort_unstable();
                        ids.truncate(limit);
                        found.retain(|found| ids.contains(&found.trace_id));
                        Ok(found)
                    })
                },
                ..SOUND
            },
        ),
        // Has no limit.
        (
            &[
                "the_limit_cuts_after_the_order",
                "a_depth_of_none_means_a_hundred",
                "a_depth_beyond_the_maximum_is_cut",
            ],
            Fault { query: |query| query.limit = usize::MAX, ..SOUND },
        ),
        // Tells the times within the query's range.
        (
            &["a_found_trace_tells_its_whole_extent"],
            Fault {
                search: |engine, tenant, query| {
                    Box::pin(async move {
                        let range = query.start;
                        let mut found = engine.sound.find_trace_ids(tenant, query).await?;
                        for found in &mut found {
                            found.start = found.start.max(range.min);
                        }
                        Ok(found)
                    })
                },
                ..SOUND
            },
        ),
    ]
}
