//! Reading traces by id.

use futures::StreamExt;

use super::fixtures::{DAY, START, export, range, span, span_at, trace_id};
use super::probe::{Probe, traces_of};
use super::{Outcome, expect};
use crate::otlp::spans_of;
use crate::{LegacyQuery, TimeRange, TraceLookup};

rules![
    hints_never_change_an_answer,
    traces_come_in_the_order_asked_for,
    an_unknown_id_is_left_out,
    an_id_asked_for_twice_is_answered_once,
    a_stream_may_be_dropped_early,
];

async fn hints_never_change_an_answer(probe: Probe) -> Outcome {
    probe.write(export("a", [span(1, 1), span_at(1, 2, START + 2 * DAY)])).await?;
    let hints = [
        TimeRange::default(),
        range(START, START),
        range(START + DAY, START + DAY),
        range(0, 1),
        range(u64::MAX, u64::MAX),
        range(START, START - DAY),
    ];
    for hint in hints {
        let lookup = TraceLookup { trace_id: trace_id(1), hint };
        let chunks = probe.look_up(vec![lookup]).await?;
        let spans: usize = chunks.iter().map(|chunk| spans_of(&chunk.data).count()).sum();
        expect(&format!("spans with the hint {hint:?}"), spans, 2)?;
    }
    Ok(())
}

async fn traces_come_in_the_order_asked_for(probe: Probe) -> Outcome {
    probe.write(export("a", [2, 3, 1, 5, 4].map(|trace| span(trace, 1)))).await?;
    for asked in [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [4, 1, 5, 2, 3]] {
        expect("traces", traces_of(&probe.chunks(&asked).await?), asked.to_vec())?;
    }
    expect("traces of no id", probe.chunks(&[]).await?.len(), 0)
}

async fn an_unknown_id_is_left_out(probe: Probe) -> Outcome {
    probe.write(export("a", [span(1, 1), span(3, 1)])).await?;
    expect("traces", traces_of(&probe.chunks(&[1, 2, 3, 4]).await?), vec![1, 3])?;
    expect("traces", traces_of(&probe.chunks(&[4, 2]).await?), vec![])
}

async fn an_id_asked_for_twice_is_answered_once(probe: Probe) -> Outcome {
    probe.write(export("a", [span(1, 1), span(2, 1)])).await?;
    let chunks = probe.chunks(&[1, 2, 1, 1, 2]).await?;
    let spans = chunks.iter().flat_map(|chunk| spans_of(&chunk.data));
    let traces: Vec<_> = spans.map(|span| span.span.trace_id.last().copied()).collect();
    expect("traces of all spans", traces, vec![Some(1), Some(2)])
}

async fn a_stream_may_be_dropped_early(probe: Probe) -> Outcome {
    for trace in 1..=20 {
        probe.write(export("a", [span(trace, 1)])).await?;
    }
    let all = LegacyQuery::default().compile(100).map_err(|error| error.to_string())?;
    let lookups = (1..=20)
        .map(|trace| TraceLookup { trace_id: trace_id(trace), hint: TimeRange::default() })
        .collect();
    let first = probe.store.get_traces(&probe.tenant, lookups).next().await;
    expect("a first chunk by id", first.is_some_and(|chunk| chunk.is_ok()), true)?;
    let first = probe.store.find_traces(&probe.tenant, all.clone()).next().await;
    expect("a first chunk found", first.is_some_and(|chunk| chunk.is_ok()), true)?;
    let first = probe.store.find_summaries(&probe.tenant, all).next().await;
    expect("a first summary", first.is_some_and(|summary| summary.is_ok()), true)?;
    probe.write(export("a", [span(21, 1)])).await?;
    expect("traces after that", probe.find(&LegacyQuery::default()).await?.len(), 21)
}
