//! What is not kept.

use opentelemetry_proto::tonic::trace::v1::span::Link;
use prost::Message;

use super::fixtures::{
    Span, any_value, array, export, field, key_value, request, resource_spans, span, spans_in,
    text, trace_id,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::WriteError;
use crate::ingest::Refusal;

rules![
    a_bad_id_refuses_its_span_with_a_reason,
    good_spans_beside_refused_ones_are_kept,
    what_became_of_spans_is_counted_by_service,
    a_malformed_request_is_refused_as_such,
    a_malformed_request_leaves_nothing_behind,
];

/// Spans of trace 1 with a bad id each, and the reason to refuse them.
fn bad_spans() -> Vec<(Span, Refusal)> {
    let good = span(1, 9);
    let linked = |trace_id: &[u8], span_id: &[u8]| Span {
        links: vec![
            Link { trace_id: vec![1; 16], span_id: vec![1; 8], ..Link::default() },
            Link { trace_id: trace_id.into(), span_id: span_id.into(), ..Link::default() },
        ],
        ..good.clone()
    };
    let trace = |id: &[u8]| (Span { trace_id: id.into(), ..good.clone() }, Refusal::TraceId);
    let id = |id: &[u8]| (Span { span_id: id.into(), ..good.clone() }, Refusal::SpanId);
    let parent =
        |id: &[u8]| (Span { parent_span_id: id.into(), ..good.clone() }, Refusal::ParentSpanId);
    let link = |trace: &[u8], span: &[u8]| (linked(trace, span), Refusal::LinkId);
    vec![
        trace(&[]),
        trace(&[1; 15]),
        trace(&[1; 17]),
        trace(&[1; 8]),
        trace(&[0; 16]),
        id(&[]),
        id(&[1; 7]),
        id(&[1; 9]),
        id(&[1; 16]),
        id(&[0; 8]),
        parent(&[1; 7]),
        parent(&[1; 9]),
        parent(&[1; 16]),
        link(&[1; 15], &[1; 8]),
        link(&[1; 16], &[1; 9]),
    ]
}

async fn a_bad_id_refuses_its_span_with_a_reason(probe: Probe) -> Outcome {
    for (bad, reason) in bad_spans() {
        let what = format!("the refusal of {bad:?}");
        let written = probe.write(export("a", [bad])).await?;
        expect(&what, written.first_refusal, Some(reason))?;
        expect(&what, written.total().refused, 1)?;
    }
    expect("services after refused spans alone", probe.services().await?, Vec::<String>::new())?;
    expect("refused spans", probe.spans(1).await?.len(), 0)
}

async fn good_spans_beside_refused_ones_are_kept(probe: Probe) -> Outcome {
    let mixed = bad_spans().into_iter().enumerate().flat_map(|(index, (bad, _))| {
        // A link's ids may be absent, and a parent id may be there.
        let good = Span {
            links: vec![Link::default()],
            parent_span_id: vec![7; 8],
            ..span(1, 100 + index as u64)
        };
        [good, bad]
    });
    let mixed: Vec<_> = mixed.collect();
    let good: Vec<_> = mixed.iter().step_by(2).cloned().collect();
    let written = probe.write(export("a", mixed)).await?;
    expect("the first refusal", written.first_refusal, Some(Refusal::TraceId))?;
    expect("kept spans", probe.spans(1).await?, spans_in([&*export("a", good)]))
}

async fn what_became_of_spans_is_counted_by_service(probe: Probe) -> Outcome {
    let bad = || Span { span_id: vec![1], ..span(1, 1) };
    let written = probe
        .write(request([
            resource_spans("b", [span(1, 1), bad(), bad()]),
            resource_spans("", [span(1, 2)]),
            resource_spans("a", [bad()]),
            resource_spans("c", []),
            resource_spans("b", [span(2, 3)]),
        ]))
        .await?;
    let counts: Vec<_> = written
        .services
        .iter()
        .map(|(name, counts)| (name.as_str(), counts.accepted, counts.refused))
        .collect();
    expect("accepted and refused spans", counts, vec![("", 1, 0), ("a", 0, 1), ("b", 2, 2)])
}

/// Requests that no OTLP reader can decode; each has a good span of trace 1 in front.
fn malformed_requests() -> Vec<(&'static str, Vec<u8>)> {
    let good = export("a", [span(1, 1)]);
    let span_message = field(1, trace_id(1).as_bytes());
    let in_span = |bytes: &[u8]| field(1, &field(2, &field(2, &[&span_message, bytes].concat())));
    let in_resource = |bytes: &[u8]| field(1, &field(1, bytes));
    let in_scope = |bytes: &[u8]| field(1, &field(2, &field(1, bytes)));
    let mut deep = text("innermost");
    for _ in 0..100 {
        deep = array([any_value(deep)]);
    }
    let deep = key_value("deep", deep).encode_to_vec();
    let not_utf8 = &[0xff, 0xfe][..];
    let varint_in = |number: u8| vec![number << 3, 1];
    let tails = [
        ("cut off in a span", in_span(b"")[..12].to_vec()),
        ("no protobuf", b"GET / HTTP/1.1\r\n".to_vec()),
        ("field number zero", vec![0, 0]),
        ("resource spans that are a varint", varint_in(1)),
        ("scope spans that are a varint", field(1, &varint_in(2))),
        ("a span that is a varint", field(1, &field(2, &varint_in(2)))),
        ("a span name that is a varint", in_span(&varint_in(5))),
        ("a start time that is text", in_span(&field(7, b"12345678"))),
        ("a group without an end", in_span(&[0xa3, 0x06])),
        ("a span name that is not UTF-8", in_span(&field(5, not_utf8))),
        ("a trace state that is not UTF-8", in_span(&field(3, not_utf8))),
        ("an attribute key that is not UTF-8", in_span(&field(9, &field(1, not_utf8)))),
        ("an event that is cut off", in_span(&field(11, &[0x12, 9, b'n']))),
        ("a resource attribute that is not UTF-8", in_resource(&field(1, &field(1, not_utf8)))),
        ("a scope name that is not UTF-8", in_scope(&field(1, not_utf8))),
        ("a schema URL that is not UTF-8", field(1, &field(3, not_utf8))),
        ("values nested too deep", in_span(&field(9, &deep))),
    ];
    tails.into_iter().map(|(what, tail)| (what, [&good, &*tail].concat())).collect()
}

async fn a_malformed_request_is_refused_as_such(probe: Probe) -> Outcome {
    for (what, request) in malformed_requests() {
        let found = probe.store.write(&probe.tenant, request.into()).await;
        if !matches!(found, Err(WriteError::Malformed(_))) {
            return Err(format!("{what}: expected WriteError::Malformed, found {found:?}"));
        }
    }
    Ok(())
}

async fn a_malformed_request_leaves_nothing_behind(probe: Probe) -> Outcome {
    for (what, request) in malformed_requests() {
        // Whether it is refused is the other rule's matter.
        let _ = probe.store.write(&probe.tenant, request.into()).await;
        expect(what, probe.spans(1).await?.len(), 0)?;
        expect(what, probe.services().await?, Vec::new())?;
    }
    Ok(())
}
