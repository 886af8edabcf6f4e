//! A span comes back as it came.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Status};
use prost::Message;

use super::fixtures::{
    DAY, START, Span, Value, any_value, array, export, field, key_value, map, number_of, request,
    resource, resource_spans, service_resource, span, span_id, spans_in, text, trace_id,
};
use super::probe::Probe;
use super::{Outcome, expect};
use crate::TraceId;

rules![
    every_field_comes_back,
    unknown_fields_come_back,
    odd_times_come_back,
    odd_names_and_parents_come_back,
    attributes_of_every_kind_come_back,
    keys_keep_their_order_and_their_copies,
    resources_and_scopes_stay_with_their_spans,
];

/// Writes the request and expects all of its spans back.
async fn comes_back(probe: &Probe, request: impl Into<Vec<u8>>) -> Outcome {
    let request = request.into();
    let expected = spans_in([&*request]);
    let mut traces: Vec<_> = expected
        .iter()
        .filter_map(|span| TraceId::from_slice(span.span.get(2..18)?))
        .map(number_of)
        .collect();
    traces.sort_unstable();
    traces.dedup();
    probe.write(request).await?;
    let chunks = probe.chunks(&traces).await?;
    let found = spans_in(chunks.iter().map(|chunk| &*chunk.data));
    expect("the number of spans", found.len(), expected.len())?;
    found
        .into_iter()
        .zip(expected)
        .try_for_each(|(found, expected)| expect("a span", found, expected))
}

async fn every_field_comes_back(probe: Probe) -> Outcome {
    let attributes = || vec![key_value("key", text("value"))];
    let full = Span {
        trace_state: "vendor=1,other=a:b".to_owned(),
        parent_span_id: span_id(7),
        flags: 0x301,
        kind: 4,
        attributes: attributes(),
        dropped_attributes_count: 3,
        events: vec![
            Event {
                time_unix_nano: START + 5,
                name: "event".to_owned(),
                attributes: attributes(),
                dropped_attributes_count: u32::MAX,
            },
            Event::default(),
        ],
        dropped_events_count: 4,
        links: vec![
            Link {
                trace_id: vec![9; 16],
                span_id: vec![8; 8],
                trace_state: "linked=1".to_owned(),
                attributes: attributes(),
                dropped_attributes_count: 5,
                flags: 0x100,
            },
            Link::default(),
        ],
        dropped_links_count: 6,
        status: Some(Status { message: "broken".to_owned(), code: 2 }),
        ..span(1, 1)
    };
    // Numbers that the enums do not have today.
    let of_tomorrow =
        Span { kind: 77, status: Some(Status { code: 9, ..Status::default() }), ..span(1, 2) };
    let scope = InstrumentationScope {
        name: "library".to_owned(),
        version: "1.2.3".to_owned(),
        attributes: attributes(),
        dropped_attributes_count: 7,
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: vec![full, of_tomorrow],
        schema_url: "https://example.com/scope/1".to_owned(),
    };
    let resource = Resource { dropped_attributes_count: 8, ..service_resource("a") };
    let resource_spans = ResourceSpans {
        resource: Some(resource),
        scope_spans: vec![scope_spans],
        schema_url: "https://example.com/resource/1".to_owned(),
    };
    comes_back(&probe, request([resource_spans])).await
}

async fn unknown_fields_come_back(probe: Probe) -> Outcome {
    // One of each wire type: a varint, 64 bits, bytes, a group around a varint, 32 bits.
    let unknown = [
        &[0xc0, 0x3e, 0x96, 0x01][..],
        &[0xc9, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xd2, 0x3e, 3, 0xff, 0x00, 0xfe],
        &[0xdb, 0x3e, 0x08, 0x01, 0xdc, 0x3e],
        &[0xe5, 0x3e, 1, 2, 3, 4],
    ]
    .concat();
    let with = |number, message: &[u8]| field(number, &[message, &*unknown].concat());
    let element = with(1, &any_value(text("in an array")).encode_to_vec());
    let inner = [field(1, b"inner"), with(2, &field(5, &element))].concat();
    let value = field(6, &with(1, &inner));
    let attribute = |number| with(number, &[field(1, b"outer"), with(2, &value)].concat());
    let event = with(11, &[field(2, b"event"), attribute(3)].concat());
    let link = with(13, &[field(1, &[9; 16]), field(2, &[8; 8]), attribute(4)].concat());
    let status = with(15, &field(2, b"message"));
    let span = with(2, &[span(1, 1).encode_to_vec(), attribute(9), event, link, status].concat());
    let scope = with(1, &[field(1, b"library"), attribute(3)].concat());
    let scope_spans = with(2, &[span, scope].concat());
    let entity = with(3, &[field(1, b"url"), field(2, b"service")].concat());
    let resource = with(1, &[service_resource("a").encode_to_vec(), attribute(1), entity].concat());
    comes_back(&probe, with(1, &[scope_spans, resource].concat())).await
}

async fn odd_times_come_back(probe: Probe) -> Outcome {
    let times = [
        (0, 0),
        (1, 2),
        (START, START),
        (START, START - DAY),
        (START, 0),
        (0, START),
        (START + 100_000 * DAY, START + 100_000 * DAY + 1),
        (1 << 63, (1 << 63) + 1),
        (u64::MAX, u64::MAX),
        (u64::MAX, 0),
        (0, u64::MAX),
    ];
    let spans: Vec<_> = times
        .into_iter()
        .zip(1..)
        .map(|((start, end), id)| Span {
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            events: [0, u64::MAX]
                .map(|time| Event { time_unix_nano: time, ..Event::default() })
                .into(),
            ..span(1, id)
        })
        .collect();
    // Also each as a trace of its own, since times may decide where a trace is looked for.
    let alone = spans
        .iter()
        .zip(2..)
        .map(|(span, trace)| Span { trace_id: trace_id(trace).as_bytes().into(), ..span.clone() });
    let alone: Vec<_> = alone.collect();
    comes_back(&probe, export("a", [spans, alone].concat())).await
}

async fn odd_names_and_parents_come_back(probe: Probe) -> Outcome {
    let child = |id, parent: Vec<u8>| Span { parent_span_id: parent, ..span(1, id) };
    let named = |id, name: &str| Span { name: name.to_owned(), ..span(1, id) };
    let spans = vec![
        named(1, ""),
        named(2, "a\0b\n\"\u{1f9ed}\u{feff}"),
        named(3, &"long".repeat(10_000)),
        // An orphan, its own parent, a circle of two, a parent of zeroes, the last id.
        child(4, span_id(1000)),
        child(5, span_id(5)),
        child(6, span_id(7)),
        child(7, span_id(6)),
        child(8, vec![0; 8]),
        child(u64::MAX, span_id(8)),
        // One id for several spans, equal ones among them.
        named(9, "first"),
        named(9, "second"),
        child(9, span_id(1)),
        child(9, span_id(1)),
    ];
    comes_back(&probe, request([resource_spans("a", spans), resource_spans("", [span(1, 9)])]))
        .await
}

async fn attributes_of_every_kind_come_back(probe: Probe) -> Outcome {
    let long = "0123456789".repeat(20_000);
    let mut kinds = vec![
        text(""),
        text("\0 text \u{1f9ed}"),
        text(&long),
        Value::BoolValue(false),
        Value::BoolValue(true),
        Value::BytesValue(vec![]),
        Value::BytesValue(vec![0, 0xff, 0xc0]),
        array(vec![]),
        map(vec![]),
        Value::StringValueStrindex(3),
    ];
    kinds.extend([0, 1, -1, i64::MIN, i64::MAX].map(Value::IntValue));
    let signalling_nan = f64::from_bits(0x7ff0_0000_0000_0001);
    let payload_nan = f64::from_bits(0xfff8_0000_dead_beef);
    kinds.extend(
        [0.0, -0.0, 5e-324, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]
            .into_iter()
            .chain([signalling_nan, payload_nan])
            .map(Value::DoubleValue),
    );
    let every: Vec<_> = kinds.iter().cloned().map(any_value).collect();
    let mut nested = array(every);
    for _ in 0..12 {
        let unset = opentelemetry_proto::tonic::common::v1::AnyValue::default();
        nested = map(vec![key_value("in", array(vec![any_value(nested), unset]))]);
    }
    kinds.push(nested);
    let mut attributes: Vec<_> = kinds
        .into_iter()
        .enumerate()
        .map(|(i, kind)| key_value(&format!("{i:02}"), kind))
        .collect();
    // A value that is not set, and a value that is not there.
    let mut unset = key_value("unset", text(""));
    unset.value = Some(Default::default());
    attributes.push(unset.clone());
    unset.value = None;
    attributes.push(unset);
    let everywhere = ResourceSpans {
        resource: Some(resource(attributes.clone())),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                attributes: attributes.clone(),
                ..InstrumentationScope::default()
            }),
            spans: vec![Span {
                attributes: attributes.clone(),
                events: vec![Event { attributes: attributes.clone(), ..Event::default() }],
                links: vec![Link { attributes, ..Link::default() }],
                ..span(1, 1)
            }],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    comes_back(&probe, request([everywhere])).await
}

async fn keys_keep_their_order_and_their_copies(probe: Probe) -> Outcome {
    let pairs = [("b", "1"), ("a", "2"), ("b", "3"), ("", "4"), ("a", "2"), ("service.name", "x")];
    let attributes = || pairs.map(|(key, value)| key_value(key, text(value))).to_vec();
    let span = Span {
        attributes: [attributes(), vec![key_value("map", map(attributes()))]].concat(),
        ..span(1, 1)
    };
    let mut of_resource = service_resource("a");
    of_resource.attributes.extend(attributes());
    let resource_spans =
        ResourceSpans { resource: Some(of_resource), ..resource_spans("", [span]) };
    comes_back(&probe, request([resource_spans])).await
}

async fn resources_and_scopes_stay_with_their_spans(probe: Probe) -> Outcome {
    let instance = |id: &str, spans: Vec<Span>| {
        let mut whole = resource_spans("a", spans);
        let resource = whole.resource.get_or_insert_default();
        resource.attributes.push(key_value("service.instance.id", text(id)));
        whole
    };
    let scope = |name: &str, url: &str, spans: Vec<Span>| ScopeSpans {
        scope: Some(InstrumentationScope { name: name.to_owned(), ..Default::default() }),
        spans,
        schema_url: url.to_owned(),
    };
    let mut scoped = instance("3", vec![]);
    scoped.scope_spans = vec![
        scope("x", "", vec![span(1, 6), span(2, 7)]),
        scope("y", "", vec![span(2, 8), span(1, 9)]),
        scope("x", "url", vec![span(1, 10)]),
        scope("x", "", vec![span(1, 11)]),
    ];
    let mut without = resource_spans("a", [span(1, 12)]);
    without.resource = None;
    comes_back(
        &probe,
        request([
            instance("1", vec![span(1, 1), span(2, 2)]),
            instance("2", vec![span(1, 3)]),
            instance("1", vec![span(2, 4), span(1, 5)]),
            scoped,
            without,
        ]),
    )
    .await
}
