//! Lists of services and operations.

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use super::fixtures::{
    Span, Value, export, key_value, request, resource, resource_spans, span, text,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::otlp::SpanKind;

rules![
    services_are_listed_once_and_sorted,
    a_service_without_a_name_is_not_listed,
    operations_are_listed_once_and_sorted,
    operations_are_listed_by_kind,
    operations_are_those_of_the_service,
];

fn operation(trace: u64, name: &str, kind: i32) -> Span {
    Span { name: name.to_owned(), kind, ..span(trace, 1) }
}

async fn services_are_listed_once_and_sorted(probe: Probe) -> Outcome {
    expect("services of an empty store", probe.services().await?, Vec::new())?;
    for (service, trace) in ["b", "a", "B", "c", "a", "\u{e9}", "a b"].into_iter().zip(1..) {
        probe.write(export(service, [span(trace, 1)])).await?;
    }
    let expected = ["B", "a", "a b", "b", "c", "\u{e9}"].map(str::to_owned).to_vec();
    expect("services", probe.services().await?, expected)
}

async fn a_service_without_a_name_is_not_listed(probe: Probe) -> Outcome {
    let named = |value, id| ResourceSpans {
        resource: Some(resource(vec![key_value("service.name", value)])),
        ..resource_spans("", [span(1, id)])
    };
    let mut without = resource_spans("", [span(1, 1)]);
    without.resource = None;
    probe
        .write(request([
            without,
            resource_spans("", [span(1, 2)]),
            named(text(""), 3),
            named(Value::IntValue(7), 4),
            named(text("a"), 5),
        ]))
        .await?;
    expect("services", probe.services().await?, vec!["a".to_owned()])
}

async fn operations_are_listed_once_and_sorted(probe: Probe) -> Outcome {
    let spans = [("b", 2), ("a", 3), ("b", 2), ("a", 2), ("", 0), ("B", 2), ("a", 3)];
    for ((name, kind), trace) in spans.into_iter().zip(1..) {
        probe.write(export("s", [operation(trace, name, kind)])).await?;
    }
    let expected = [
        ("", SpanKind::Unspecified),
        ("B", SpanKind::Server),
        ("a", SpanKind::Server),
        ("a", SpanKind::Client),
        ("b", SpanKind::Server),
    ];
    let expected = expected.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    expect("operations", probe.operations("s", None).await?, expected)
}

async fn operations_are_listed_by_kind(probe: Probe) -> Outcome {
    let kinds = [
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];
    let spans: Vec<_> = (0..6).map(|kind| operation(1, &format!("of-{kind}"), kind)).collect();
    probe.write(export("s", spans)).await?;
    for (number, kind) in kinds.into_iter().enumerate() {
        let found = probe.operations("s", Some(kind)).await?;
        expect(&format!("{kind:?} operations"), found, vec![(format!("of-{number}"), kind)])?;
    }
    expect("operations of every kind", probe.operations("s", None).await?.len(), 6)
}

async fn operations_are_those_of_the_service(probe: Probe) -> Outcome {
    probe
        .write(request([
            resource_spans("a", [operation(1, "of-a", 2)]),
            resource_spans("b", [operation(2, "of-b", 2)]),
        ]))
        .await?;
    for (service, expected) in
        [("a", vec!["of-a"]), ("b", vec!["of-b"]), ("c", vec![]), ("A", vec![])]
    {
        let found = probe.operations(service, None).await?;
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        expect(&format!("operations of {service}"), names, expected)?;
    }
    Ok(())
}
