//! Calls between services.

use super::fixtures::{
    DAY, START, Span, export, range, request, resource_spans, span, span_at, span_id,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::TimeRange;

rules![
    calls_between_two_services_are_counted_and_sorted,
    a_call_within_a_service_is_not_counted,
    a_call_counts_when_its_child_starts_within_the_range,
    a_parent_may_arrive_after_its_child,
    a_missing_parent_makes_no_call,
    a_span_without_a_service_makes_no_call,
    a_shared_span_id_prefers_the_childs_own_service,
];

fn child(trace: u64, id: u64, parent: u64) -> Span {
    Span { parent_span_id: span_id(parent), ..span(trace, id) }
}

async fn expect_calls(probe: &Probe, range: TimeRange, calls: &[(&str, &str, u64)]) -> Outcome {
    let found = probe.calls(range).await?;
    let found: Vec<_> =
        found.iter().map(|(parent, child, calls)| (&**parent, &**child, *calls)).collect();
    expect(&format!("calls within {range:?}"), found.as_slice(), calls)
}

async fn calls_between_two_services_are_counted_and_sorted(probe: Probe) -> Outcome {
    expect_calls(&probe, TimeRange::default(), &[]).await?;
    for trace in 1..=2 {
        probe
            .write(request([
                resource_spans("b", [span(trace, 1)]),
                resource_spans("c", [child(trace, 2, 1), child(trace, 3, 1)]),
                resource_spans("a", [child(trace, 4, 1)]),
                resource_spans("b", [child(trace, 5, 4)]),
            ]))
            .await?;
    }
    let calls = [("a", "b", 2), ("b", "a", 2), ("b", "c", 4)];
    expect_calls(&probe, TimeRange::default(), &calls).await
}

async fn a_call_within_a_service_is_not_counted(probe: Probe) -> Outcome {
    probe.write(export("a", [span(1, 1), child(1, 2, 1), child(1, 3, 3)])).await?;
    probe.write(export("a", [child(1, 4, 2)])).await?;
    expect_calls(&probe, TimeRange::default(), &[]).await
}

async fn a_call_counts_when_its_child_starts_within_the_range(probe: Probe) -> Outcome {
    let parent = span_at(1, 1, START - 10 * DAY);
    let child = Span { parent_span_id: span_id(1), ..span_at(1, 2, START) };
    let requests = [resource_spans("parent", [parent]), resource_spans("child", [child])];
    probe.write(request(requests)).await?;
    let call = &[("parent", "child", 1)][..];
    for (range, calls) in [
        (range(START, START), call),
        (range(START - 1, START), call),
        (range(START, START + 1), call),
        (range(0, u64::MAX), call),
        (range(START + 1, u64::MAX), &[]),
        (range(0, START - 1), &[]),
    ] {
        expect_calls(&probe, range, calls).await?;
    }
    Ok(())
}

async fn a_parent_may_arrive_after_its_child(probe: Probe) -> Outcome {
    probe.write(export("child", [child(1, 2, 1)])).await?;
    expect_calls(&probe, TimeRange::default(), &[]).await?;
    probe.write(export("parent", [span(1, 1)])).await?;
    expect_calls(&probe, TimeRange::default(), &[("parent", "child", 1)]).await
}

async fn a_missing_parent_makes_no_call(probe: Probe) -> Outcome {
    // Span 9 is there in another trace alone, and a parent of zeroes is none.
    let of_zero_parent = Span { parent_span_id: vec![0; 8], ..span(1, 3) };
    probe
        .write(request([
            resource_spans("a", [child(1, 2, 9), of_zero_parent]),
            resource_spans("b", [span(2, 9), span(1, 4)]),
        ]))
        .await?;
    expect_calls(&probe, TimeRange::default(), &[]).await
}

async fn a_span_without_a_service_makes_no_call(probe: Probe) -> Outcome {
    probe
        .write(request([
            resource_spans("", [span(1, 1), child(1, 3, 2)]),
            resource_spans("a", [child(1, 2, 1)]),
        ]))
        .await?;
    expect_calls(&probe, TimeRange::default(), &[]).await
}

async fn a_shared_span_id_prefers_the_childs_own_service(probe: Probe) -> Outcome {
    // As Zipkin's libraries do: the caller's and the called one's spans have one id.
    let server = Span { start_time_unix_nano: START + 1, ..child(1, 2, 1) };
    probe
        .write(request([
            resource_spans("caller", [span(1, 1), child(1, 2, 1)]),
            resource_spans("called", [server, child(1, 3, 2)]),
        ]))
        .await?;
    expect_calls(&probe, TimeRange::default(), &[("caller", "called", 1)]).await?;
    // Between two other services, the earlier span is the parent, whichever arrived first.
    let parent = |service: &str, trace| {
        let start = if service == "late" { START + 1 } else { START };
        resource_spans(service, [span_at(trace, 1, start)])
    };
    for (trace, first, second) in [(2, "late", "early"), (3, "early", "late")] {
        probe.write(request([parent(first, trace)])).await?;
        let child = resource_spans("child", [child(trace, 2, 1)]);
        probe.write(request([parent(second, trace), child])).await?;
    }
    let calls = [("caller", "called", 1), ("early", "child", 2)];
    expect_calls(&probe, TimeRange::default(), &calls).await
}
