//! Searching for spans.

use super::fixtures::{
    DAY, MILLISECOND, START, Span, SpanBytes, export, number_of, of_service, range, request,
    resource_spans, span, span_at, spans_in,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::filter::Filter;
use crate::{FoundSpan, SortBy, SortField, SpanOrder, SpanQuery, TimeRange};

rules![
    only_matching_spans_are_found,
    spans_start_within_the_range,
    found_spans_come_as_they_came,
    spans_come_in_the_order_asked_for,
    pages_of_spans_are_the_whole_answer_in_pieces,
    spans_alike_in_time_and_ids_come_once,
    spans_of_another_tenant_are_not_found,
];

fn every() -> SpanQuery {
    let filter = Filter::And(Vec::new());
    let (start, order) = (TimeRange::default(), SpanOrder::default());
    SpanQuery { filter, start, order, limit: 1000, after: None }
}

/// Spans as the numbers of their trace and id.
fn numbers(found: &[FoundSpan]) -> Vec<(u64, u64)> {
    let id = |found: &FoundSpan| u64::from_be_bytes(*found.key.span_id.as_bytes());
    found.iter().map(|found| (number_of(found.key.trace_id), id(found))).collect()
}

async fn only_matching_spans_are_found(probe: Probe) -> Outcome {
    let named = |id| Span { name: format!("operation-{id}"), ..span(1, id) };
    let spans = [resource_spans("a", [named(1), named(2)]), resource_spans("b", [named(3)])];
    probe.write(request(spans)).await?;
    let of = |service: &str| {
        let query = of_service(service).compile(1).map_err(|error| error.to_string())?;
        Ok::<_, String>(SpanQuery { filter: query.filter, ..every() })
    };
    expect("spans of a", numbers(&probe.find_spans(of("a")?).await?), vec![(1, 1), (1, 2)])?;
    expect("spans of b", numbers(&probe.find_spans(of("b")?).await?), vec![(1, 3)])?;
    expect("spans of c", numbers(&probe.find_spans(of("c")?).await?), vec![])
}

async fn spans_start_within_the_range(probe: Probe) -> Outcome {
    probe.write(export("a", [1, 2, 3, 4].map(|id| span_at(1, id, START + id)))).await?;
    let query = SpanQuery { start: range(START + 2, START + 3), ..every() };
    expect("spans", numbers(&probe.find_spans(query).await?), vec![(1, 3), (1, 2)])
}

async fn found_spans_come_as_they_came(probe: Probe) -> Outcome {
    let mut expected = Vec::new();
    for (trace, service) in [(1, "a"), (2, "b")] {
        let request = export(service, [1, 2].map(|id| span_at(trace, id, START + id)));
        expected.extend(spans_in([&*request]));
        probe.write(request).await?;
    }
    let found = probe.find_spans(every()).await?;
    for found in &found {
        expect("spans of an answer", spans_in([&*found.data]).len(), 1)?;
        let key = (found.key.start, found.key.duration);
        let id = u64::from_be_bytes(*found.key.span_id.as_bytes());
        expect("time and duration", key, (START + id, i128::from(MILLISECOND)))?;
    }
    let mut found: Vec<SpanBytes> = found.iter().flat_map(|it| spans_in([&*it.data])).collect();
    found.sort_unstable();
    expected.sort_unstable();
    expect("spans", found, expected)
}

/// Spans in which each order is another one.
fn shuffled() -> Vec<Span> {
    let lasting = |trace, id, start, duration: u64| Span {
        end_time_unix_nano: START + start + duration,
        ..span_at(trace, id, START + start)
    };
    vec![
        lasting(3, 4, 1, 50),
        lasting(1, 5, 2, 40),
        lasting(2, 1, 2, 50),
        lasting(2, 2, 2, 10),
        lasting(4, 3, 0, 30),
        // Ends before it starts.
        Span { end_time_unix_nano: START - DAY, ..span_at(5, 6, START + 3) },
    ]
}

async fn spans_come_in_the_order_asked_for(probe: Probe) -> Outcome {
    probe.write(export("a", shuffled())).await?;
    let by = |field, descending| SortBy { field, descending };
    let cases: [(&[SortBy], [u64; 6]); 9] = [
        (&[], [6, 5, 1, 2, 4, 3]),
        (&[by(SortField::StartTime, true)], [6, 5, 1, 2, 4, 3]),
        (&[by(SortField::StartTime, false)], [3, 4, 5, 1, 2, 6]),
        (&[by(SortField::Duration, true)], [1, 4, 5, 3, 2, 6]),
        (&[by(SortField::Duration, false)], [6, 2, 3, 5, 1, 4]),
        (&[by(SortField::TraceId, true)], [6, 3, 4, 1, 2, 5]),
        (&[by(SortField::SpanId, true)], [6, 5, 4, 3, 2, 1]),
        (&[by(SortField::TraceId, false), by(SortField::SpanId, true)], [5, 2, 1, 4, 3, 6]),
        (&[by(SortField::StartTime, true), by(SortField::SpanId, true)], [6, 5, 2, 1, 4, 3]),
    ];
    for (fields, expected) in cases {
        let order = SpanOrder::new(fields).ok_or("a field stands twice")?;
        let found = probe.find_spans(SpanQuery { order, ..every() }).await?;
        let ids: Vec<_> = numbers(&found).into_iter().map(|(_, id)| id).collect();
        expect(&format!("spans ordered by {fields:?}"), ids, expected.to_vec())?;
    }
    Ok(())
}

async fn pages_of_spans_are_the_whole_answer_in_pieces(probe: Probe) -> Outcome {
    for span in shuffled() {
        probe.write(export("a", [span])).await?;
    }
    for field in [SortField::StartTime, SortField::Duration, SortField::TraceId, SortField::SpanId]
    {
        for (descending, limit) in [(true, 1), (false, 1), (true, 2), (false, 4), (true, 6)] {
            let order = SpanOrder::new(&[SortBy { field, descending }]).ok_or("no order")?;
            let whole = probe.find_spans(SpanQuery { order, ..every() }).await?;
            let (mut walked, mut after) = (Vec::new(), None);
            loop {
                let query = SpanQuery { order, limit, after, ..every() };
                let page = probe.find_spans(query).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.key);
                expect("whether a page is as large as it may be", page.len() <= limit, true)?;
                walked.extend(page);
                expect("whether the pages have an end", walked.len() <= whole.len(), true)?;
            }
            let what = format!("pages of {limit} by {field:?}, descending {descending}");
            expect(&what, numbers(&walked), numbers(&whole))?;
        }
    }
    Ok(())
}

async fn spans_alike_in_time_and_ids_come_once(probe: Probe) -> Outcome {
    // A retry stores a copy; what lasts longer is another span.
    let longer = Span { end_time_unix_nano: START + DAY, ..span(1, 1) };
    for _ in 0..2 {
        probe.write(export("a", [span(1, 1), longer.clone(), span(1, 1), span(2, 1)])).await?;
    }
    let found = probe.find_spans(every()).await?;
    expect("spans", numbers(&found), vec![(1, 1), (1, 1), (2, 1)])?;
    let of_two = probe.find_spans(SpanQuery { limit: 2, ..every() }).await?;
    expect("the first two", numbers(&of_two), vec![(1, 1), (1, 1)])
}

async fn spans_of_another_tenant_are_not_found(probe: Probe) -> Outcome {
    probe.of_tenant("one").write(export("a", [span(1, 1)])).await?;
    let found = probe.of_tenant("two").find_spans(every()).await?;
    expect("spans of another tenant", numbers(&found), vec![])?;
    expect("spans of no tenant", numbers(&probe.find_spans(every()).await?), vec![])?;
    let own = probe.of_tenant("one").find_spans(every()).await?;
    expect("the tenant's own spans", numbers(&own), vec![(1, 1)])
}
