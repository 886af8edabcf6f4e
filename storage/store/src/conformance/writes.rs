//! What `Ok` of a write means.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::fixtures::{
    MILLISECOND, Span, export, of_service, request, resource_spans, span, span_at, span_id,
    spans_in, trace_id,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::TimeRange;

rules![
    what_was_acknowledged_is_visible_to_every_read,
    a_request_appears_wholly_or_not_at_all,
    a_retry_keeps_a_second_copy,
    a_trace_written_in_parts_is_read_whole,
    late_spans_are_counted,
    usage_tells_what_is_held,
];

async fn what_was_acknowledged_is_visible_to_every_read(probe: Probe) -> Outcome {
    // Twice, since what a read remembers must not outlive the next write.
    for number in 1..=2 {
        let (caller, called) = (format!("caller-{number}"), format!("called-{number}"));
        let child = Span { parent_span_id: span_id(1), ..span(number, 2) };
        probe
            .write(request([
                resource_spans(&caller, [span(number, 1)]),
                resource_spans(&called, [child]),
            ]))
            .await?;
        let query = of_service(&called);
        let what = |read| format!("{read} after write {number}");
        expect(&what("get_traces"), probe.spans(number).await?.len(), 2)?;
        expect(&what("find_traces"), probe.find(&query).await?, vec![number])?;
        expect(&what("find_trace_ids"), probe.find_ids(&query).await?.len(), 1)?;
        expect(&what("find_summaries"), probe.find_summaries(&query).await?.len(), 1)?;
        let services = probe.services().await?;
        expect(&what("services"), services.contains(&called), true)?;
        expect(&what("operations"), probe.operations(&called, None).await?.len(), 1)?;
        let calls = probe.calls(TimeRange::default()).await?;
        expect(&what("dependencies"), calls.contains(&(caller, called, 1)), true)?;
    }
    Ok(())
}

async fn a_request_appears_wholly_or_not_at_all(probe: Probe) -> Outcome {
    const TRACES: usize = 40;
    // Each request meets reads that run beside it.
    for request in 1..=10 {
        let service = format!("service-{request}");
        let traces = (1..=TRACES as u64).map(|trace| request * 100 + trace);
        let spans: Vec<_> = traces.flat_map(|trace| [span(trace, 1), span(trace, 2)]).collect();
        let bytes = export(&service, spans);
        let writer = tokio::spawn({
            let probe = probe.clone();
            async move { probe.write(bytes).await }
        });
        let mut found = 0;
        let mut finished = false;
        while !finished {
            finished = writer.is_finished();
            let summaries = probe.find_summaries(&of_service(&service)).await?;
            found = summaries.len();
            let whole = if found == 0 { 0 } else { TRACES };
            expect("traces of one request, if any", found, whole)?;
            for summary in summaries {
                expect("spans of two in one request", summary.spans, 2)?;
            }
            tokio::task::yield_now().await;
        }
        writer.await.map_err(|error| error.to_string())??;
        expect("traces once the request was written", found, TRACES)?;
    }
    Ok(())
}

async fn a_retry_keeps_a_second_copy(probe: Probe) -> Outcome {
    let request = export("a", [span(1, 1), span(1, 2)]);
    probe.write(request.clone()).await?;
    probe.write(request.clone()).await?;
    let expected = spans_in([&*request, &request]);
    expect("spans of a request written twice", probe.spans(1).await?, expected)
}

async fn a_trace_written_in_parts_is_read_whole(probe: Probe) -> Outcome {
    let parts = [
        export("a", [span(1, 1), span(2, 1)]),
        export("b", [span(1, 2)]),
        export("a", [span(3, 1), span(1, 3)]),
    ];
    for part in &parts {
        probe.write(part.clone()).await?;
    }
    for trace in 1..=3 {
        let id = trace_id(trace);
        let mut expected = spans_in(parts.iter().map(|part| &**part));
        expected.retain(|span| span.span[2..18] == *id.as_bytes());
        expect(&format!("spans of trace {trace}"), probe.spans(trace).await?, expected)?;
    }
    Ok(())
}

async fn late_spans_are_counted(probe: Probe) -> Outcome {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ended_before = |id, seconds| {
        let start = now.saturating_sub(Duration::from_secs(seconds)).as_nanos() as u64;
        span_at(1, id, start - MILLISECOND)
    };
    let future = Span { end_time_unix_nano: u64::MAX, ..span(1, 5) };
    // Nearer to the minute the test's own pace would decide.
    let of_a = [ended_before(1, 62), ended_before(2, 600), ended_before(3, 30), future];
    let written = probe
        .write(request([resource_spans("a", of_a), resource_spans("b", [ended_before(6, 0)])]))
        .await?;
    let late: Vec<_> =
        written.services.iter().map(|(name, counts)| (name.as_str(), counts.late)).collect();
    expect("late spans by service", late, vec![("a", 2), ("b", 0)])
}

async fn usage_tells_what_is_held(probe: Probe) -> Outcome {
    let other = probe.of_tenant("other");
    let held = || {
        let usage = probe.store.usage();
        (usage.traces, usage.spans, usage.bytes > 0, usage.evicted_traces)
    };
    probe.write(export("a", [span(1, 1), span(1, 2)])).await?;
    probe.write(export("a", [span(3, 1)])).await?;
    other.write(export("a", [span(2, 1)])).await?;
    expect("traces, spans, any bytes and evicted traces", held(), (3, 4, true, 0))?;
    probe.purge().await?;
    expect("those after a purge of one tenant", held(), (1, 1, true, 0))
}
