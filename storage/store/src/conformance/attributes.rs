//! What an attribute of a legacy query asks for.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Status};

use super::fixtures::{
    MILLISECOND, Span, Value, any_value, array, export, key_value, map, request, resource_spans,
    span, text, with_attribute,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::LegacyQuery;

rules![
    an_attribute_matches_at_each_level,
    conditions_may_hold_at_different_levels_of_a_span,
    an_attribute_matches_by_its_text,
    one_of_several_equal_keys_suffices,
    error_asks_for_the_status,
    span_status_and_kind_ask_for_the_fields,
    scope_name_and_version_ask_for_the_scope,
    the_resource_prefix_asks_for_the_resource_alone,
];

/// A span of service `a` with the attribute `KEY` = `value` at the level.
fn at_level(level: usize, key: &str, trace: u64) -> ResourceSpans {
    add_at_level(level, key, resource_spans("a", [span(trace, 1)]))
}

fn add_at_level(level: usize, key: &str, mut whole: ResourceSpans) -> ResourceSpans {
    let attributes = vec![key_value(key, text("value"))];
    let scope_spans = &mut whole.scope_spans[0];
    let span = &mut scope_spans.spans[0];
    match level {
        0 => span.attributes.extend(attributes),
        1 => whole.resource.get_or_insert_default().attributes.extend(attributes),
        2 => scope_spans.scope.get_or_insert_default().attributes.extend(attributes),
        3 => span.events.extend([Event::default(), Event { attributes, ..Event::default() }]),
        _ => span.links.extend([Link::default(), Link { attributes, ..Link::default() }]),
    }
    whole
}

async fn an_attribute_matches_at_each_level(probe: Probe) -> Outcome {
    let mut all: Vec<_> = (0..5).map(|level| at_level(level, "key", level as u64 + 1)).collect();
    all.push(at_level(0, "other", 6));
    probe.write(request(all)).await?;
    let found = probe.find_any_order(&with_attribute("key", "value")).await?;
    expect("traces with it on span, resource, scope, event, link", found, vec![1, 2, 3, 4, 5])?;
    let found = probe.find_any_order(&with_attribute("key", "valu")).await?;
    expect("traces with another value", found, vec![])
}

async fn conditions_may_hold_at_different_levels_of_a_span(probe: Probe) -> Outcome {
    let keys = ["on-span", "on-resource", "on-scope", "on-event", "on-link"];
    let whole =
        keys.iter().enumerate().fold(resource_spans("a", [span(1, 1)]), |whole, (level, key)| {
            add_at_level(level, key, whole)
        });
    probe.write(request([whole, at_level(0, "on-span", 2)])).await?;
    let query = LegacyQuery {
        service: "a".to_owned(),
        operation: "operation".to_owned(),
        attributes: keys.map(|key| (key.to_owned(), "value".to_owned())).into(),
        duration_min: Some(MILLISECOND),
        ..LegacyQuery::default()
    };
    expect("traces", probe.find_any_order(&query).await?, vec![1])
}

async fn an_attribute_matches_by_its_text(probe: Probe) -> Outcome {
    let entries = [key_value("b", Value::IntValue(1)), key_value("a", Value::BoolValue(true))];
    let elements =
        [any_value(text("<\"")), any_value(Value::DoubleValue(0.5)), AnyValue::default()];
    let values = [
        (text("123"), "123"),
        (Value::IntValue(123), "123"),
        (Value::DoubleValue(123.0), "123"),
        (Value::IntValue(i64::MIN), "-9223372036854775808"),
        (Value::DoubleValue(72.5), "72.5"),
        (Value::DoubleValue(-0.0), "-0"),
        (Value::DoubleValue(1e21), "1e+21"),
        (Value::DoubleValue(1.5e-7), "1.5e-7"),
        (Value::DoubleValue(f64::NAN), "json: unsupported value: NaN"),
        (Value::BoolValue(true), "true"),
        (Value::BoolValue(false), "false"),
        (text("true"), "true"),
        (Value::BytesValue(vec![0, 1, 0xff]), "AAH/"),
        (array(elements), r#"["\u003c\"",0.5,null]"#),
        (map(entries), r#"{"a":true,"b":1}"#),
        (array([]), "[]"),
        (map([]), "{}"),
        (text(""), ""),
    ];
    let with_value = |(value, trace): (&Value, u64)| Span {
        attributes: vec![key_value("key", value.clone())],
        ..span(trace, 1)
    };
    let spans: Vec<_> = values.iter().map(|(value, _)| value).zip(1..).map(with_value).collect();
    probe.write(export("a", spans)).await?;
    for (_, wanted) in &values {
        let with_text = values.iter().zip(1..).filter(|((_, text), _)| text == wanted);
        let expected: Vec<u64> = with_text.map(|(_, trace)| trace).collect();
        let found = probe.find_any_order(&with_attribute("key", wanted)).await?;
        expect(&format!("traces with {wanted:?}"), found, expected)?;
    }
    for wanted in ["123.0", "0123", "True", "1", "aah/", r#"{"b":1,"a":true}"#, "null"] {
        let found = probe.find_any_order(&with_attribute("key", wanted)).await?;
        expect(&format!("traces with {wanted:?}"), found, vec![])?;
    }
    Ok(())
}

async fn one_of_several_equal_keys_suffices(probe: Probe) -> Outcome {
    let attributes = ["x", "y", "z"].map(|value| key_value("key", text(value))).into();
    probe.write(export("a", [Span { attributes, ..span(1, 1) }])).await?;
    for value in ["x", "y", "z"] {
        let found = probe.find_any_order(&with_attribute("key", value)).await?;
        expect(&format!("traces with {value:?}"), found, vec![1])?;
    }
    Ok(())
}

/// Traces 1 to 5: of status unset, ok, error and none; the last with an attribute that says so.
fn of_each_status() -> Vec<Span> {
    let mut spans: Vec<_> = [Some(0), Some(1), Some(2), None, None]
        .into_iter()
        .zip(1..)
        .map(|(code, trace)| Span {
            status: code.map(|code| Status { code, ..Status::default() }),
            ..span(trace, 1)
        })
        .collect();
    for key in ["error", "span.status"] {
        spans[4].attributes.push(key_value(key, text("error")));
    }
    spans[4].attributes.push(key_value("error", text("true")));
    spans
}

async fn expect_found(probe: &Probe, cases: &[(&str, &str, &[u64])]) -> Outcome {
    for (key, value, traces) in cases {
        let found = probe.find_any_order(&with_attribute(key, value)).await?;
        expect(&format!("traces with {key}={value}"), found.as_slice(), *traces)?;
    }
    Ok(())
}

async fn error_asks_for_the_status(probe: Probe) -> Outcome {
    probe.write(export("a", of_each_status())).await?;
    let cases = [
        ("error", "true", &[3][..]),
        ("error", "1", &[3]),
        ("error", "False", &[1, 2, 4, 5]),
        // No truth value: an ordinary attribute.
        ("error", "error", &[5]),
    ];
    expect_found(&probe, &cases).await
}

async fn span_status_and_kind_ask_for_the_fields(probe: Probe) -> Outcome {
    let mut spans = of_each_status();
    for (kind, span) in (0..).zip(&mut spans) {
        span.kind = kind;
        span.attributes.push(key_value("span.kind", text("consumer")));
    }
    probe.write(export("a", spans)).await?;
    let cases = [
        ("span.status", "unset", &[1, 4, 5][..]),
        ("span.status", "ok", &[2]),
        ("span.status", "error", &[3]),
        ("span.status", "ERROR", &[3]),
        ("span.kind", "unspecified", &[1]),
        ("span.kind", "internal", &[2]),
        ("span.kind", "Server", &[3]),
        ("span.kind", "client", &[4]),
        ("span.kind", "producer", &[5]),
        ("span.kind", "consumer", &[]),
    ];
    expect_found(&probe, &cases).await
}

async fn scope_name_and_version_ask_for_the_scope(probe: Probe) -> Outcome {
    let scoped = |trace, name: &str, version: &str| {
        let mut whole = resource_spans("a", [span(trace, 1)]);
        let (name, version) = (name.to_owned(), version.to_owned());
        whole.scope_spans[0].scope =
            Some(InstrumentationScope { name, version, ..InstrumentationScope::default() });
        whole
    };
    let attributes = ["scope.name", "scope.version"].map(|key| key_value(key, text("x"))).into();
    let on_span = resource_spans("a", [Span { attributes, ..span(3, 1) }]);
    probe.write(request([scoped(1, "x", "1"), scoped(2, "y", "x"), on_span])).await?;
    let cases = [
        ("scope.name", "x", &[1][..]),
        ("scope.name", "y", &[2]),
        ("scope.version", "1", &[1]),
        ("scope.version", "x", &[2]),
    ];
    expect_found(&probe, &cases).await
}

async fn the_resource_prefix_asks_for_the_resource_alone(probe: Probe) -> Outcome {
    let all: Vec<_> = (0..5).map(|level| at_level(level, "key", level as u64 + 1)).collect();
    probe.write(request(all)).await?;
    expect_found(
        &probe,
        &[("resource.key", "value", &[2]), ("resource.service.name", "a", &[1, 2, 3, 4, 5])],
    )
    .await
}
