//! Pages of traces that are searched for.

use super::fixtures::{DAY, START, Span, export, number_of, of_service, span, span_at};
use super::probe::{Probe, traces_of};
use super::{Outcome, expect};
use crate::{LegacyQuery, TraceQuery, TraceRank};

rules![
    pages_are_the_whole_answer_in_pieces,
    a_trace_before_a_page_has_no_second_place,
    a_trace_that_moved_up_does_not_come_again,
    what_is_found_tells_its_place,
    the_three_searches_agree_on_a_page,
];

/// The traces of service a in pages of so many, each behind the last one of the page before.
async fn walk(probe: &Probe, limit: usize) -> Result<Vec<Vec<u64>>, String> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let found = probe.find_ids_by(TraceQuery { limit, after, ..all_of_a()? }).await?;
        let Some(last) = found.last() else { return Ok(pages) };
        after = Some(TraceRank { start: last.matched, trace_id: last.trace_id });
        pages.push(found.iter().map(|found| number_of(found.trace_id)).collect());
        if pages.len() > 1000 {
            return Err("the pages have no end".to_owned());
        }
    }
}

fn all_of_a() -> Result<TraceQuery, String> {
    of_service("a").compile(usize::MAX).map_err(|error| error.to_string())
}

async fn pages_are_the_whole_answer_in_pieces(probe: Probe) -> Outcome {
    // Many start together, so that pages end among them.
    for trace in 1..=20 {
        probe.write(export("a", [span_at(trace, 1, START + trace * 7 % 4)])).await?;
    }
    let whole = probe.find(&of_service("a")).await?;
    for limit in [1, 2, 3, 7, 19, 20, 21] {
        let pages: Vec<_> = whole.chunks(limit).map(<[_]>::to_vec).collect();
        expect(&format!("pages of {limit}"), walk(&probe, limit).await?, pages)?;
    }
    Ok(())
}

async fn a_trace_before_a_page_has_no_second_place(probe: Probe) -> Outcome {
    // Each has an early span too, in other requests and in another order than the late ones.
    for trace in 1..=9 {
        probe.write(export("a", [span_at(trace, 1, START + DAY + trace)])).await?;
    }
    for trace in 1..=9 {
        probe.write(export("a", [span_at(trace, 2, START + trace * 5 % 9)])).await?;
    }
    for limit in [1, 2, 4, 9] {
        let whole: Vec<_> = (1..=9).rev().collect();
        let pages: Vec<_> = whole.chunks(limit).map(<[_]>::to_vec).collect();
        expect(&format!("pages of {limit}"), walk(&probe, limit).await?, pages)?;
    }
    // Only matching spans give a place: by these the early ones are the latest.
    let query = LegacyQuery { start_max: Some(START + DAY), ..of_service("a") };
    let query = query.compile(usize::MAX).map_err(|error| error.to_string())?;
    let rank = |trace: u64, start| TraceRank { start, trace_id: super::fixtures::trace_id(trace) };
    let after = Some(rank(7, START + 8));
    let found = traces_of(&probe.find_chunks_by(TraceQuery { after, ..query }).await?);
    expect("traces behind a place within a range", found, vec![5, 3, 1, 8, 6, 4, 2, 9])
}

async fn a_trace_that_moved_up_does_not_come_again(probe: Probe) -> Outcome {
    for trace in 1..=6 {
        probe.write(export("a", [span_at(trace, 1, START + trace)])).await?;
    }
    let first = probe.find_ids_by(TraceQuery { limit: 2, ..all_of_a()? }).await?;
    let last = first.last().ok_or("the first page is empty")?;
    let after = Some(TraceRank { start: last.matched, trace_id: last.trace_id });
    // One of the first page, one of a later page, and one that nobody knew.
    let new = [6, 3, 7].map(|trace| span_at(trace, 2, START + DAY));
    probe.write(export("a", new)).await?;
    let rest = probe.find_ids_by(TraceQuery { after, ..all_of_a()? }).await?;
    let rest: Vec<_> = rest.iter().map(|found| number_of(found.trace_id)).collect();
    expect("traces of later pages", rest, vec![4, 2, 1])
}

async fn what_is_found_tells_its_place(probe: Probe) -> Outcome {
    let other = Span { name: "other".to_owned(), ..span_at(1, 2, START + DAY) };
    probe.write(export("a", [span(1, 1), other])).await?;
    let query = LegacyQuery { operation: "operation".to_owned(), ..of_service("a") };
    let ids = probe.find_ids(&query).await?;
    let places: Vec<_> = ids.iter().map(|found| found.matched).collect();
    expect("places of ids", places, vec![START])?;
    let summaries = probe.find_summaries(&query).await?;
    let places: Vec<_> = summaries.iter().map(|summary| summary.matched).collect();
    expect("places of summaries", places, vec![START])
}

async fn the_three_searches_agree_on_a_page(probe: Probe) -> Outcome {
    let spans: Vec<_> = (1..=5).map(|trace| span_at(trace, 1, START + trace)).collect();
    probe.write(export("a", spans)).await?;
    let after = Some(TraceRank { start: START + 4, trace_id: super::fixtures::trace_id(4) });
    let query = TraceQuery { limit: 2, after, ..all_of_a()? };
    let expected = vec![3, 2];
    let found = traces_of(&probe.find_chunks_by(query.clone()).await?);
    expect("traces", &found, &expected)?;
    let ids = probe.find_ids_by(query.clone()).await?;
    let ids: Vec<_> = ids.iter().map(|found| number_of(found.trace_id)).collect();
    expect("trace ids", &ids, &expected)?;
    let summaries = probe.find_summaries_by(query).await?;
    let ids: Vec<_> = summaries.iter().map(|summary| number_of(summary.trace_id)).collect();
    expect("summaries", &ids, &expected)
}
