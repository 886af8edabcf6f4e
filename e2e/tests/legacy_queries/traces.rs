//! Random traces as SDKs send them: a request is of one service and has spans of several traces,
//! or a Collector put those of all services together. Some spans come later, some requests twice.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::seq::IndexedRandom;
use rand::{RngExt, rngs::StdRng};

/// When the first trace starts.
const START: u64 = 1_767_323_045_123_456_789;
const SECOND: u64 = 1_000_000_000;

const ROUNDS: usize = 60;
const TRACES_A_ROUND: usize = 6;

/// Two of them lack `service.name`, and the last has no attributes at all.
pub const SERVICES: [&str; 7] = ["frontend", "checkout", "cart", "payment", "shipping", "", ""];
const OPERATIONS: [&str; 5] = ["GET /", "POST /order", "charge", "select", ""];

/// Which scope of which instance of which service. Its spans share a resource and a scope.
type Origin = (usize, usize, usize);

/// The requests in the order in which they are to be sent.
pub fn requests(random: &mut StdRng) -> Vec<ExportTraceServiceRequest> {
    let mut requests = Vec::new();
    let mut later = Vec::new();
    for round in 0..ROUNDS {
        let mut spans = std::mem::take(&mut later);
        for _ in 0..TRACES_A_ROUND {
            let start = START + round as u64 * 20 * SECOND + random.random_range(0..20 * SECOND);
            let trace_id = random.random::<[u8; 16]>().to_vec();
            let end = start + length(random);
            call(random, &trace_id, &[], 0, (start, end), 0, &mut spans);
        }
        let last = round + 1 == ROUNDS;
        let mut by_service = BTreeMap::<_, BTreeMap<usize, Vec<Span>>>::new();
        for (origin, span) in spans {
            if !last && random.random_bool(0.05) {
                later.push((origin, span));
            } else {
                let (service, instance, scope) = origin;
                by_service
                    .entry((service, instance))
                    .or_default()
                    .entry(scope)
                    .or_default()
                    .push(span);
            }
        }
        let resources = by_service.into_iter().map(|((service, instance), scopes)| ResourceSpans {
            resource: resource(service, instance),
            scope_spans: scopes
                .into_iter()
                .map(|(scope, spans)| of_scope(service, scope, spans))
                .collect(),
            schema_url: if service == 3 { schema("resource") } else { String::new() },
        });
        if random.random_bool(0.3) {
            requests.push(ExportTraceServiceRequest { resource_spans: resources.collect() });
        } else {
            requests.extend(
                resources.map(|one| ExportTraceServiceRequest { resource_spans: vec![one] }),
            );
        }
        if random.random_bool(0.2) {
            requests.push(requests.choose(random).expect("there is one").clone());
        }
    }
    requests
}

/// The span of a call, and those of the calls that it makes.
fn call(
    random: &mut StdRng,
    trace_id: &[u8],
    parent: &[u8],
    service: usize,
    (start, end): (u64, u64),
    depth: usize,
    spans: &mut Vec<(Origin, Span)>,
) {
    let origin = (service, random.random_range(0..2), random.random_range(0..2));
    let span_id = random.random::<[u8; 8]>().to_vec();
    // Some clocks went back meanwhile.
    let told_end = if random.random_bool(0.01) { start - 1000 } else { end };
    let span = Span {
        trace_id: trace_id.to_vec(),
        span_id: span_id.clone(),
        parent_span_id: parent.to_vec(),
        trace_state: if random.random_bool(0.1) { "vendor=a".to_owned() } else { String::new() },
        flags: [0, 1, 0x101][random.random_range(0..3)],
        name: OPERATIONS[random.random_range(0..OPERATIONS.len())].to_owned(),
        kind: random.random_range(0..6),
        start_time_unix_nano: start,
        end_time_unix_nano: told_end,
        attributes: attributes(random, 4),
        events: events(random, start),
        links: links(random),
        status: status(random),
        ..Span::default()
    };
    // A span without an id: beside the first one, of its service.
    if depth == 0 && random.random_bool(0.05) {
        let bad = Span { span_id: Vec::new(), parent_span_id: span_id.clone(), ..span.clone() };
        spans.push((origin, bad));
    }
    spans.push((origin, span));
    if depth == 3 {
        return;
    }
    for _ in 0..random.random_range(0..4 - depth) {
        let child = random.random_range(start..=end);
        let callee =
            if random.random_bool(0.2) { service } else { random.random_range(0..SERVICES.len()) };
        let times = (child, random.random_range(child..=end));
        call(random, trace_id, &span_id, callee, times, depth + 1, spans);
    }
}

/// Nanoseconds: from 1 µs to 10 s, each order of magnitude as often.
fn length(random: &mut StdRng) -> u64 {
    let most = 10_u64.pow(random.random_range(3..10));
    random.random_range(most..10 * most)
}

fn resource(service: usize, instance: usize) -> Option<Resource> {
    if service + 1 == SERVICES.len() {
        return (instance == 0).then(Resource::default);
    }
    let mut attributes = vec![
        key_value("host.name", text(["pod-1", "pod-2"][instance])),
        key_value("replicas", Value::IntValue(service as i64 % 3)),
        key_value("k", text("resource")),
    ];
    if !SERVICES[service].is_empty() {
        attributes.insert(0, key_value("service.name", text(SERVICES[service])));
    }
    Some(Resource { attributes, ..Resource::default() })
}

fn of_scope(service: usize, scope: usize, spans: Vec<Span>) -> ScopeSpans {
    let name = ["http", "grpc"][scope];
    ScopeSpans {
        // Without one only where the resource is missing too.
        scope: (service + 1 < SERVICES.len()).then(|| InstrumentationScope {
            name: name.to_owned(),
            version: ["1.2.3", ""][scope].to_owned(),
            attributes: vec![key_value("scope.of", text(name)), key_value("k", text("scope"))],
            ..InstrumentationScope::default()
        }),
        spans,
        schema_url: if service == 3 { schema("scope") } else { String::new() },
    }
}

fn schema(of: &str) -> String {
    format!("https://opentelemetry.io/schemas/1.30.0#{of}")
}

fn attributes(random: &mut StdRng, most: usize) -> Vec<KeyValue> {
    (0..random.random_range(0..=most)).flat_map(|_| attribute(random)).collect()
}

/// One; or two of the same key, which OTLP forbids and some send.
fn attribute(random: &mut StdRng) -> Vec<KeyValue> {
    let list = |values| AnyValue { value: Some(values) };
    vec![match random.random_range(0..12) {
        0 => key_value("http.request.method", text(["GET", "POST"][random.random_range(0..2)])),
        1 => key_value(
            "http.response.status_code",
            Value::IntValue([200, 404, 500][random.random_range(0..3)]),
        ),
        2 => key_value("http.response.status_code", text("200")),
        3 => key_value("cache.hit", Value::BoolValue(random.random())),
        4 => {
            let ratios = [0.5, 200.0, 0.1 + 0.2, 1.0 / 3.0, -1234.0625];
            key_value("ratio", Value::DoubleValue(ratios[random.random_range(0..5)]))
        }
        5 => key_value(
            "payload",
            Value::BytesValue([vec![0, 1, 255], vec![1]][random.random_range(0..2)].clone()),
        ),
        6 => {
            let values =
                vec![list(text("a")), list(Value::IntValue(1)), list(Value::DoubleValue(0.5))];
            key_value("tags", Value::ArrayValue(ArrayValue { values }))
        }
        7 => {
            let values = vec![
                key_value("items", Value::IntValue(2)),
                key_value("gift", Value::BoolValue(true)),
            ];
            key_value("basket", Value::KvlistValue(KeyValueList { values }))
        }
        8 => {
            let both = ["a", "b"].map(|value| key_value("k", text(value)));
            return both.into();
        }
        9 => key_value("k", text(["a", "b", "c", ""][random.random_range(0..4)])),
        10 => KeyValue { key: "note".to_owned(), ..KeyValue::default() },
        _ => match random.random_range(0..3) {
            0 => key_value("error", text("timeout")),
            1 => key_value("error", Value::BoolValue(false)),
            _ => key_value("retries", Value::IntValue(random.random_range(-1..3))),
        },
    }]
}

fn events(random: &mut StdRng, start: u64) -> Vec<Event> {
    let event = |random: &mut StdRng| Event {
        time_unix_nano: start + 1,
        name: ["exception", "retry", ""][random.random_range(0..3)].to_owned(),
        attributes: [
            vec![key_value("exception.type", text("Timeout")), key_value("k", text("event"))],
            attributes(random, 2),
        ][random.random_range(0..2)]
        .clone(),
        ..Event::default()
    };
    (0..[0, 0, 0, 1, 2][random.random_range(0..5)]).map(|_| event(random)).collect()
}

fn links(random: &mut StdRng) -> Vec<Link> {
    let link = |random: &mut StdRng| Link {
        trace_id: random.random::<[u8; 16]>().to_vec(),
        span_id: random.random::<[u8; 8]>().to_vec(),
        attributes: vec![key_value("link.of", text("batch")), key_value("k", text("link"))],
        ..Link::default()
    };
    (0..[0, 0, 0, 0, 1, 2][random.random_range(0..6)]).map(|_| link(random)).collect()
}

fn status(random: &mut StdRng) -> Option<Status> {
    let status = |code, message: &str| Some(Status { code, message: message.to_owned() });
    match random.random_range(0..10) {
        0 => status(2, "it failed"),
        1 => status(2, ""),
        2 => status(1, ""),
        3 => status(0, ""),
        _ => None,
    }
}

pub fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

pub fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
