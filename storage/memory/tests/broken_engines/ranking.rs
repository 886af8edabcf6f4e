//! Faults of bounds and of the order.

use std::cmp::Reverse;

use futures::future::FutureExt;
use futures::stream::{StreamExt, TryStreamExt};
use spoor_store::filter::{Comparison, Constant, Filter, Operand};
use spoor_store::{
    FoundSpan, FoundTrace, ReadError, SpanOrder, SpanQuery, Store, Tenant, TimeRange, TraceId,
    TraceQuery,
};

use crate::Case;
use crate::editing::{edit_filter, search_edited};
use crate::engine::{Engine, Fault, SOUND, edit_resource_spans, everything, spans_mut};

pub fn faults() -> Vec<Case> {
    let mut faults = bounds();
    faults.extend(order());
    faults.extend(pages());
    faults.extend(spans());
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
    found.retain(|trace| second.iter().any(|other| other.trace_id == trace.trace_id));
    Ok(found)
}

/// Edits the bounds of duration.
fn edit_durations(query: &mut TraceQuery, edit: fn(Comparison, &mut i128)) {
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
                "a_trace_before_a_page_has_no_second_place",
            ],
            Fault {
                search: |engine, tenant, query| {
                    Box::pin(async move {
                        let any_time = TraceQuery { start: TimeRange::default(), ..query.clone() };
                        let (start, after) = (query.start, query.after);
                        let in_time = TraceQuery { start, after, ..everything() };
                        both(engine, tenant, any_time, in_time).await
                    })
                },
                ..SOUND
            },
        ),
        (
            &["bounds_of_duration_are_inclusive_nanoseconds", "a_negative_duration_is_below_zero"],
            Fault {
                query: |query| {
                    edit_durations(query, |comparison, nanos| {
                        *nanos -= i128::from(comparison == Comparison::Lte);
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
            &["the_latest_matching_span_comes_first", "a_trace_before_a_page_has_no_second_place"],
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
            &["equal_starts_are_ordered_by_trace_id", "pages_are_the_whole_answer_in_pieces"],
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
            &[
                "the_limit_cuts_after_the_order",
                "pages_are_the_whole_answer_in_pieces",
                "a_trace_before_a_page_has_no_second_place",
                "a_trace_that_moved_up_does_not_come_again",
                "the_three_searches_agree_on_a_page",
            ],
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
                "pages_are_the_whole_answer_in_pieces",
                "a_trace_before_a_page_has_no_second_place",
                "a_trace_that_moved_up_does_not_come_again",
                "the_three_searches_agree_on_a_page",
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

fn pages() -> Vec<Case> {
    vec![
        // Knows no pages.
        (
            &[
                "pages_are_the_whole_answer_in_pieces",
                "a_trace_before_a_page_has_no_second_place",
                "a_trace_that_moved_up_does_not_come_again",
                "the_three_searches_agree_on_a_page",
            ],
            Fault { query: |query| query.after = None, ..SOUND },
        ),
        // Gives a trace the place that its spans behind the page's begin have.
        (
            &[
                "a_trace_before_a_page_has_no_second_place",
                "a_trace_that_moved_up_does_not_come_again",
            ],
            Fault {
                query: |query| {
                    if let Some(after) = query.after {
                        query.start.max = query.start.max.min(after.start);
                    }
                },
                ..SOUND
            },
        ),
        // Begins behind all that starts together.
        (
            &["pages_are_the_whole_answer_in_pieces"],
            Fault {
                query: |query| {
                    if let Some(after) = &mut query.after {
                        after.trace_id = TraceId::from_slice(&[255; 16]).unwrap();
                    }
                },
                ..SOUND
            },
        ),
        (
            &["what_is_found_tells_its_place"],
            Fault {
                summaries: |summaries| summaries.iter_mut().for_each(|it| it.matched = it.end),
                ..SOUND
            },
        ),
    ]
}

/// Finds the spans of a query that was edited, and edits the answer.
async fn spans_edited(
    engine: &Engine,
    tenant: &Tenant,
    mut query: SpanQuery,
    edit: fn(&mut SpanQuery),
    answer: fn(&mut Vec<FoundSpan>),
) -> Result<Vec<FoundSpan>, ReadError> {
    edit(&mut query);
    let mut found = engine.sound.find_spans(tenant, query).try_collect().await?;
    answer(&mut found);
    Ok(found)
}

/// A fault of a query for spans.
macro_rules! asks {
    ($edit:expr) => {
        Fault {
            spans: |engine, tenant, query| {
                spans_edited(engine, tenant, query, $edit, |_| {}).boxed()
            },
            ..SOUND
        }
    };
}

/// A fault of an answer with spans.
macro_rules! answers {
    ($edit:expr) => {
        Fault {
            spans: |engine, tenant, query| {
                spans_edited(engine, tenant, query, |_| {}, $edit).boxed()
            },
            ..SOUND
        }
    };
}

fn spans() -> Vec<Case> {
    vec![
        (&["only_matching_spans_are_found"], asks!(|query| query.filter = Filter::And(Vec::new()))),
        (
            &["spans_start_within_the_range"],
            asks!(|query| query.start.max = query.start.max.saturating_add(1)),
        ),
        (
            &["spans_start_within_the_range"],
            asks!(|query| query.start.min += u64::from(query.start.min > 0)),
        ),
        (&["spans_come_in_the_order_asked_for"], asks!(|query| query.order = SpanOrder::default())),
        (&["pages_of_spans_are_the_whole_answer_in_pieces"], asks!(|query| query.after = None)),
        // Tells the spans alone.
        (
            &["found_spans_come_as_they_came"],
            answers!(|found| found.iter_mut().for_each(|found| {
                found.data = edit_resource_spans(&found.data, |spans| spans.resource = None);
            })),
        ),
        // Keeps one span of those with the same ids.
        (
            &["spans_alike_in_time_and_ids_come_once"],
            answers!(|found| found.dedup_by_key(|it| (it.key.trace_id, it.key.span_id))),
        ),
        (
            &["spans_of_another_tenant_are_not_found"],
            Fault {
                spans: |engine, tenant, query| {
                    let of = |tenant: &Tenant| engine.sound.find_spans(tenant, query.clone());
                    of(tenant).chain(of(&Tenant::new("one"))).try_collect().boxed()
                },
                ..SOUND
            },
        ),
    ]
}
