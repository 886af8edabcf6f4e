//! What a summary tells of a trace.

use opentelemetry_proto::tonic::trace::v1::Status;

use super::fixtures::{
    DAY, MILLISECOND, START, Span, export, number_of, of_service, request, resource_spans, span,
    span_at, span_id,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::LegacyQuery;
use crate::trace::{ServiceSummary, TraceSummary};

rules![
    a_summary_counts_spans_and_errors_by_service,
    a_summary_spans_the_whole_time_of_its_trace,
    the_root_is_the_earliest_span_without_a_parent,
    an_orphan_is_a_span_whose_parent_is_missing,
];

fn child(trace: u64, id: u64, parent: u64) -> Span {
    Span { parent_span_id: span_id(parent), ..span(trace, id) }
}

/// The summaries of every trace, by number of trace.
async fn summaries(probe: &Probe) -> Result<Vec<TraceSummary>, String> {
    let mut summaries = probe.find_summaries(&LegacyQuery::default()).await?;
    summaries.sort_by_key(|summary| number_of(summary.trace_id));
    Ok(summaries)
}

async fn a_summary_counts_spans_and_errors_by_service(probe: Probe) -> Outcome {
    let status = |code, span| Span { status: Some(Status { code, ..Status::default() }), ..span };
    probe
        .write(request([
            resource_spans("b", [status(2, span(1, 1)), status(1, span(1, 2))]),
            resource_spans("a", [status(0, span(1, 3))]),
        ]))
        .await?;
    probe
        .write(request([
            resource_spans("b", [status(2, span(1, 4))]),
            resource_spans("", [status(2, span(1, 5))]),
        ]))
        .await?;
    // Found by one service, it is still the whole trace's summary.
    let found = probe.find_summaries(&of_service("a")).await?;
    let counts: Vec<_> = found.iter().map(|found| (found.spans, found.errors)).collect();
    expect("spans and errors", counts, vec![(5, 3)])?;
    let services: Vec<_> = found.into_iter().flat_map(|found| found.services).collect();
    let expected = [("", 1, 1), ("a", 1, 0), ("b", 3, 2)]
        .map(|(name, spans, errors)| ServiceSummary { name: name.to_owned(), spans, errors });
    expect("services", services, expected.to_vec())
}

async fn a_summary_spans_the_whole_time_of_its_trace(probe: Probe) -> Outcome {
    let last = START + MILLISECOND;
    probe.write(export("a", [span(1, 1), span_at(1, 2, START - DAY), span_at(2, 3, 0)])).await?;
    probe.write(export("b", [Span { end_time_unix_nano: last + DAY, ..span(1, 4) }])).await?;
    let found: Vec<_> =
        summaries(&probe).await?.iter().map(|found| (found.start, found.end)).collect();
    expect("starts and ends", found, vec![(START - DAY, last + DAY), (0, MILLISECOND)])
}

async fn the_root_is_the_earliest_span_without_a_parent(probe: Probe) -> Outcome {
    let named = |name: &str, span| Span { name: name.to_owned(), ..span };
    probe
        .write(request([
            resource_spans(
                "late",
                [
                    named("later root", span_at(1, 1, START + 5)),
                    named("earlier child", Span { start_time_unix_nano: 1, ..child(1, 3, 1) }),
                ],
            ),
            resource_spans("only-children", [child(2, 1, 2), child(2, 2, 1)]),
            // Of two that start together, the one with the least id.
            resource_spans("tied", [named("greater id", span(3, 2)), named("root", span(3, 1))]),
        ]))
        .await?;
    let of_zero_parent = Span { parent_span_id: vec![0; 8], ..span_at(1, 2, START + 3) };
    probe.write(export("early", [named("root", of_zero_parent)])).await?;
    let roots: Vec<_> = summaries(&probe)
        .await?
        .into_iter()
        .map(|found| (found.root_service, found.root_operation))
        .collect();
    let expected = [("early", "root"), ("", ""), ("tied", "root")]
        .map(|(service, name)| (service.to_owned(), name.to_owned()));
    expect("roots", roots, expected.to_vec())
}

async fn an_orphan_is_a_span_whose_parent_is_missing(probe: Probe) -> Outcome {
    let of_zero_parent = Span { parent_span_id: vec![0; 8], ..span(1, 6) };
    probe
        .write(export("a", [child(1, 2, 1), child(1, 3, 99), child(1, 4, 4), of_zero_parent]))
        .await?;
    // The span 99 of another trace is nobody's parent here.
    probe.write(export("b", [span(1, 1), child(1, 5, 98), span(2, 99)])).await?;
    let orphans: Vec<_> = summaries(&probe).await?.iter().map(|found| found.orphans).collect();
    expect("orphans", orphans, vec![2, 0])
}
