//! Which traces a query finds.

use super::fixtures::{
    DAY, START, Span, export, key_value, of_service, request, resource_spans, span, span_at,
    spans_in, text, with_attribute,
};
use super::probe::{Probe, traces_of};
use super::{Outcome, expect};
use crate::filter::{Field, Filter, Operand};
use crate::{LegacyQuery, ReadError, TimeRange, TraceQuery};

rules![
    all_conditions_hold_on_one_span,
    a_matching_span_brings_its_whole_trace,
    text_matches_literally_and_as_a_whole,
    without_conditions_every_trace_matches,
    a_service_is_the_text_of_its_resources_name,
    a_filter_beyond_the_engine_is_an_error,
];

fn with_pairs(trace: u64, id: u64, pairs: &[(&str, &str)]) -> Span {
    let attributes = pairs.iter().map(|(key, value)| key_value(key, text(value))).collect();
    Span { attributes, ..span(trace, id) }
}

async fn all_conditions_hold_on_one_span(probe: Probe) -> Outcome {
    let named = |trace, id| Span { name: "wanted".to_owned(), ..span(trace, id) };
    probe
        .write(request([
            resource_spans("a", [with_pairs(1, 1, &[("x", "v")]), with_pairs(1, 2, &[("y", "w")])]),
            resource_spans("a", [with_pairs(2, 1, &[("x", "v"), ("y", "w")]), span(2, 2)]),
            resource_spans("a", [span(3, 1), named(4, 1)]),
            resource_spans("b", [named(3, 2), span(4, 2)]),
        ]))
        .await?;
    let pairs = [("x", "v"), ("y", "w")].map(|(key, text)| (key.to_owned(), text.to_owned()));
    let both = LegacyQuery { attributes: pairs.into(), ..LegacyQuery::default() };
    expect("traces by two attributes", probe.find_any_order(&both).await?, vec![2])?;
    let both = LegacyQuery { operation: "wanted".to_owned(), ..of_service("a") };
    expect("traces by service and operation", probe.find_any_order(&both).await?, vec![4])
}

async fn a_matching_span_brings_its_whole_trace(probe: Probe) -> Outcome {
    let parts = [
        request([
            resource_spans("a", [span_at(1, 1, START - 40 * DAY)]),
            resource_spans("b", [span(1, 2)]),
            resource_spans("c", [span_at(1, 3, START + DAY), span_at(1, 4, 0)]),
        ]),
        export("b", [span_at(1, 5, START + 40 * DAY)]),
    ];
    for part in &parts {
        probe.write(part.clone()).await?;
    }
    let query = LegacyQuery {
        start_min: Some(START - DAY),
        start_max: Some(START + DAY),
        ..of_service("b")
    };
    let found = probe.find_chunks(&query).await?;
    let spans = spans_in(found.iter().map(|chunk| &*chunk.data));
    expect("the trace's spans", spans, spans_in(parts.iter().map(|part| &**part)))?;
    let summaries = probe.find_summaries(&query).await?;
    expect("spans in the summary", summaries.iter().map(|summary| summary.spans).sum(), 5_u64)
}

async fn text_matches_literally_and_as_a_whole(probe: Probe) -> Outcome {
    let names = ["same", "same.*", "same-more", "Same", "not-same", "s_me", "%", "*"];
    for (name, trace) in names.into_iter().zip(1..) {
        let span = Span { name: name.to_owned(), ..with_pairs(trace, 1, &[("key", name)]) };
        probe.write(export(name, [span])).await?;
    }
    let unknown = [".*", "sam", "same%", "", "SAME", "same "].map(|name| (name, vec![]));
    let known = names.into_iter().zip(1..).map(|(name, trace)| (name, vec![trace]));
    for (name, traces) in known.chain(unknown) {
        let by_attribute = probe.find_any_order(&with_attribute("key", name)).await?;
        expect(&format!("traces with the attribute {name:?}"), by_attribute, traces.clone())?;
        if !name.is_empty() {
            let by_service = probe.find_any_order(&of_service(name)).await?;
            expect(&format!("traces of service {name:?}"), by_service, traces.clone())?;
            let operation = LegacyQuery { operation: name.to_owned(), ..LegacyQuery::default() };
            let by_operation = probe.find_any_order(&operation).await?;
            expect(&format!("traces with operation {name:?}"), by_operation, traces)?;
        }
    }
    let other_key = probe.find_any_order(&with_attribute("ke", "same")).await?;
    expect("traces by a part of the key", other_key, vec![])
}

async fn without_conditions_every_trace_matches(probe: Probe) -> Outcome {
    probe.write(export("a", [span(1, 1)])).await?;
    probe.write(export("b", [span(2, 1)])).await?;
    probe.write(export("", [span(3, 1)])).await?;
    let found = probe.find_any_order(&LegacyQuery::default()).await?;
    expect("traces", found, vec![1, 2, 3])?;
    let operation = LegacyQuery { operation: "operation".to_owned(), ..LegacyQuery::default() };
    expect("traces by operation", probe.find_any_order(&operation).await?, vec![1, 2, 3])
}

async fn a_service_is_the_text_of_its_resources_name(probe: Probe) -> Outcome {
    // A span's own attribute of that name does not make it another service's.
    probe.write(export("a", [with_pairs(1, 1, &[("service.name", "b")])])).await?;
    probe.write(export("b", [span(2, 1)])).await?;
    expect("traces of service b", probe.find_any_order(&of_service("b")).await?, vec![2])
}

async fn a_filter_beyond_the_engine_is_an_error(probe: Probe) -> Outcome {
    let named = |trace, name: &str| Span { name: name.to_owned(), ..span(trace, 1) };
    probe.write(export("a", [named(1, "abc"), named(2, "acb"), named(3, "axc")])).await?;
    let regex = Filter::Regex(Operand::Field(Field::SpanName), "^a.c$".to_owned());
    let query = TraceQuery {
        filter: Filter::Not(Box::new(regex)),
        start: TimeRange::default(),
        limit: 10,
        after: None,
    };
    match probe.store.find_trace_ids(&probe.tenant, query.clone()).await {
        Err(ReadError::Unsupported(_)) => {
            let traces = probe.find_chunks_by(query).await;
            expect("whether find_traces fails too", traces.is_err(), true)
        }
        Err(error) => Err(format!("expected ReadError::Unsupported or the answer: {error}")),
        Ok(found) => {
            expect("the number of traces found", found.len(), 1)?;
            expect("traces", traces_of(&probe.find_chunks_by(query).await?), vec![2])
        }
    }
}
