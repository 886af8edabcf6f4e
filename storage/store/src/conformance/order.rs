//! In which order traces are found, and how many.

use super::fixtures::{
    DAY, START, Span, export, number_of, of_service, request, resource_spans, span, span_at,
};
use super::probe::{Probe, traces_of};
use super::{Outcome, expect};
use crate::{DEFAULT_DEPTH, LegacyQuery};

rules![
    the_latest_matching_span_comes_first,
    equal_starts_are_ordered_by_trace_id,
    the_limit_cuts_after_the_order,
    a_depth_of_none_means_a_hundred,
    a_depth_beyond_the_maximum_is_cut,
    the_three_searches_agree,
    a_found_trace_tells_its_whole_extent,
];

async fn the_latest_matching_span_comes_first(probe: Probe) -> Outcome {
    // Of service b alone, trace 2 is the latest; by every span it would be the earliest.
    let of_a = [span_at(1, 1, START + DAY), span_at(2, 1, START - DAY), span_at(3, 1, START + 90)];
    let of_b = [
        span_at(1, 2, START + 10),
        span_at(2, 2, START + 30),
        span_at(3, 2, START),
        span_at(3, 3, START + 20),
    ];
    probe.write(request([resource_spans("a", of_a), resource_spans("b", of_b)])).await?;
    expect("traces of service b", probe.find(&of_service("b")).await?, vec![2, 3, 1])?;
    expect("traces of service a", probe.find(&of_service("a")).await?, vec![1, 3, 2])?;
    let until = LegacyQuery { start_max: Some(START + 25), ..of_service("b") };
    expect("those until a time", probe.find(&until).await?, vec![3, 1])
}

async fn equal_starts_are_ordered_by_trace_id(probe: Probe) -> Outcome {
    for trace in [5, 3, 1, 4, 2] {
        probe.write(export("a", [span(trace, 1)])).await?;
    }
    expect("traces", probe.find(&of_service("a")).await?, vec![1, 2, 3, 4, 5])
}

async fn the_limit_cuts_after_the_order(probe: Probe) -> Outcome {
    // Neither the order of ids nor that of arrival is the order of time.
    let spans = [(3, 4), (1, 2), (4, 5), (2, 1), (5, 3)]
        .map(|(trace, start)| span_at(trace, 1, START + start));
    for span in spans {
        probe.write(export("a", [span])).await?;
    }
    for limit in 1..=6 {
        let query = LegacyQuery { depth: limit, ..of_service("a") };
        let mut expected = vec![4, 3, 5, 1, 2];
        expected.truncate(limit as usize);
        expect(&format!("traces with limit {limit}"), probe.find(&query).await?, expected)?;
    }
    Ok(())
}

async fn a_depth_of_none_means_a_hundred(probe: Probe) -> Outcome {
    let spans: Vec<_> = (1..=101).map(|trace| span(trace, 1)).collect();
    probe.write(export("a", spans)).await?;
    for depth in [0, -1, i32::MIN] {
        let query = LegacyQuery { depth, ..of_service("a") };
        expect(&format!("traces with depth {depth}"), probe.find(&query).await?.len(), 100)?;
    }
    let more = LegacyQuery { depth: 101, ..of_service("a") };
    expect("traces with depth 101", probe.find(&more).await?.len(), 101)?;
    expect("the default depth", DEFAULT_DEPTH, 100)
}

async fn a_depth_beyond_the_maximum_is_cut(probe: Probe) -> Outcome {
    probe.write(export("a", [1, 2, 3].map(|trace| span(trace, 1)))).await?;
    for (depth, expected) in [(0, 2), (1, 1), (2, 2), (3, 2), (i32::MAX, 2)] {
        let query = LegacyQuery { depth, ..of_service("a") };
        let query = query.compile(2).map_err(|error| error.to_string())?;
        let found = traces_of(&probe.find_chunks_by(query).await?).len();
        expect(&format!("traces with depth {depth} of at most 2"), found, expected)?;
    }
    Ok(())
}

async fn the_three_searches_agree(probe: Probe) -> Outcome {
    for trace in 1..=30 {
        let span = |id| Span {
            name: format!("operation-{}", (trace + id) % 3),
            ..span_at(trace, id, START + trace * id * 7 % 5)
        };
        let service = format!("service-{}", trace % 2);
        probe.write(export(&service, [1, 2, 3].map(span))).await?;
    }
    let named = |name: &str| LegacyQuery { operation: name.to_owned(), ..LegacyQuery::default() };
    let queries = [
        LegacyQuery::default(),
        LegacyQuery { depth: 7, ..LegacyQuery::default() },
        of_service("service-1"),
        named("operation-2"),
        LegacyQuery { start_min: Some(START + 2), depth: 11, ..named("operation-0") },
        named("operation-3"),
    ];
    for query in queries {
        let traces = probe.find(&query).await?;
        let ids = probe.find_ids(&query).await?;
        let ids: Vec<_> = ids.into_iter().map(|found| number_of(found.trace_id)).collect();
        expect(&format!("trace ids by {query:?}"), &ids, &traces)?;
        let summaries = probe.find_summaries(&query).await?;
        let ids: Vec<_> =
            summaries.into_iter().map(|summary| number_of(summary.trace_id)).collect();
        expect(&format!("summaries by {query:?}"), &ids, &traces)?;
    }
    Ok(())
}

async fn a_found_trace_tells_its_whole_extent(probe: Probe) -> Outcome {
    let of_a = [
        Span { end_time_unix_nano: START + DAY, ..span_at(1, 1, START - 5) },
        Span { end_time_unix_nano: 3, ..span_at(1, 2, START + 5) },
    ];
    let of_b = [Span { end_time_unix_nano: START + 7, ..span(1, 3) }];
    probe.write(request([resource_spans("a", of_a), resource_spans("b", of_b)])).await?;
    let query = LegacyQuery { start_min: Some(START - 1), ..of_service("b") };
    let found = probe.find_ids(&query).await?;
    let extents: Vec<_> = found.iter().map(|found| (found.start, found.end)).collect();
    expect("first start and last end", extents, vec![(START - 5, START + DAY)])
}
