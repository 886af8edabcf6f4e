//! The requests of `docs/demo.md`, and the spans of OTLP in the words of its tables. The end-to-end
//! tests send and read the same, by way of real programs.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1;

use super::expected::{self, Attributes, CALLER, Flow, Span, Value};

pub const PAGE: &str = include_str!("../../../../docs/demo.md");
/// Headers that carry a trace's context.
const HEADERS: &str = "traceparent,tracestate,baggage,uber-trace-id,jaeger-debug-id";
/// What the lab has its services hand on, and show.
pub const OF_THE_LAB: [(&str, &str); 5] = [
    ("OTEL_PROPAGATORS", "jaeger,tracecontext,baggage"),
    ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", HEADERS),
    ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", HEADERS),
    ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST", HEADERS),
    ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_REQUEST", HEADERS),
];
/// For an answer that is left to chance.
const TRIES: usize = 500;

pub fn page() -> Vec<Flow> {
    let flows = expected::read(PAGE);
    assert!(flows.len() > 15, "{flows:#?}");
    flows
}

/// Each request of the page with the traces of its tries.
pub struct Sent(Vec<(Flow, Vec<String>)>);

impl Sent {
    /// To `app-a`, `app-b`, `app-c` and `app-d`, one after the other.
    pub async fn to(services: [SocketAddr; 4]) -> Self {
        let mut sent = Vec::new();
        for flow in page() {
            let names = ["app-a", "app-b", "app-c", "app-d"];
            let service = names.iter().position(|name| *name == flow.service).unwrap();
            let traces = send(&flow, services[service], flow.status).await;
            sent.push((flow, traces));
        }
        Self(sent)
    }

    /// In which ways the spans are others than the page says; none if they are those.
    pub fn problems(&self, spans: &[Span]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut known = BTreeSet::new();
        for (flow, traces) in &self.0 {
            let [tries @ .., answered] = traces.as_slice() else { panic!("{}", flow.title) };
            let answered = expected::related(answered, spans);
            let of_flow = expected::problems(flow, &answered);
            problems.extend(of_flow.into_iter().map(|it| format!("{}: {it}", flow.title)));
            known.extend(tries.iter().cloned());
            known.extend(answered.into_iter().map(|span| span.trace_id));
        }
        for span in spans {
            if !known.contains(&span.trace_id) {
                let Span { service, kind, name, .. } = span;
                problems.push(format!("of no request: {service} {kind} {name}"));
            }
            // Values are where a question mark is, never in the text.
            if let Some(Value::Text(text)) = span.attributes.get("db.query.text")
                && (!text.contains("?1") || text.contains(['"', '{']))
            {
                problems.push(format!("a value in the text of a statement: {text}"));
            }
        }
        problems
    }
}

/// Asks until this is the answer, and returns the traces of all tries: the last is that request's.
pub async fn send(flow: &Flow, service: SocketAddr, status: u16) -> Vec<String> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut traces = Vec::new();
    for _ in 0..TRIES {
        let trace_id = format!("{:032x}", rand::random::<u128>() | 1);
        let request = client
            .request(flow.method.parse().unwrap(), format!("http://{service}{}", flow.path))
            .header("traceparent", format!("00-{trace_id}-{CALLER}-01"))
            .body(flow.body.clone());
        traces.push(trace_id);
        if request.send().await.unwrap().status().as_u16() == status {
            return traces;
        }
    }
    panic!("{}: never answered with {status}", flow.title);
}

/// A span of a service in the words of the table.
pub fn span(service: &str, span: &v1::Span) -> Span {
    let events = span.events.iter().map(|it| (it.name.clone(), attributes(&it.attributes)));
    let code = span.status.as_ref().map_or(0, |status| status.code);
    Span {
        trace_id: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent_id: hex(&span.parent_span_id),
        service: service.to_owned(),
        kind: span.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_owned(),
        name: span.name.clone(),
        start: span.start_time_unix_nano,
        status: ["unset", "ok", "error"][code as usize].to_owned(),
        attributes: attributes(&span.attributes),
        events: events.collect(),
        links: span.links.iter().map(|it| (hex(&it.trace_id), hex(&it.span_id))).collect(),
    }
}

fn attributes(attributes: &[KeyValue]) -> Attributes {
    let value = |attribute: &KeyValue| match attribute.value.clone().unwrap().value.unwrap() {
        any_value::Value::StringValue(text) => Value::Text(text),
        any_value::Value::IntValue(number) => Value::Integer(number),
        any_value::Value::BoolValue(truth) => Value::Bool(truth),
        any_value::Value::ArrayValue(array) => texts(array),
        other => Value::Other(format!("{other:?}")),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), value(attribute))).collect()
}

/// A list of texts alone is one that the table has a word for.
fn texts(array: ArrayValue) -> Value {
    let other = Value::Other(format!("{array:?}"));
    let text = |value: AnyValue| match value.value {
        Some(any_value::Value::StringValue(text)) => Some(text),
        _ => None,
    };
    let texts: Option<_> = array.values.into_iter().map(text).collect();
    texts.map_or(other, Value::Texts)
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
