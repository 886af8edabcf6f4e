//! `docs/demo.md`: every span of every endpoint.

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};

use super::collector::{Collector, Exported, hex};
use super::expected::{self, Attributes, Flow, Value};
use super::process::{Service, four_services, stop_in_order};

const PAGE: &str = include_str!("../../../../docs/demo.md");
/// For an answer that is left to chance.
const TRIES: usize = 500;

/// Asks for a flow, and returns the id of its trace.
async fn ask(services: &[Service; 4], flow: &Flow) -> String {
    let index = ["app-a", "app-b", "app-c", "app-d"].iter().position(|it| *it == flow.service);
    let url = format!("http://{}{}", services[index.unwrap()].address, flow.path);
    for _ in 0..TRIES {
        let trace_id = format!("{:032x}", rand::random::<u128>() | 1);
        let request = reqwest::Client::new()
            .request(flow.method.parse().unwrap(), &url)
            .header("traceparent", format!("00-{trace_id}-b7ad6b7169203331-01"))
            .body(flow.body.clone());
        let response = request.send().await.unwrap();
        if response.status().as_u16() == flow.status {
            return trace_id;
        }
    }
    panic!("{}: never answered with {}", flow.title, flow.status);
}

fn attributes(attributes: &[KeyValue]) -> Attributes {
    let value = |attribute: &KeyValue| match attribute.value.clone().unwrap().value.unwrap() {
        any_value::Value::StringValue(text) => Value::Text(text),
        any_value::Value::IntValue(number) => Value::Integer(number),
        any_value::Value::BoolValue(truth) => Value::Bool(truth),
        other => Value::Other(format!("{other:?}")),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), value(attribute))).collect()
}

/// A span in the words of the table.
pub fn span(exported: &Exported) -> expected::Span {
    let span = &exported.span;
    let events = span.events.iter().map(|it| (it.name.clone(), attributes(&it.attributes)));
    expected::Span {
        trace_id: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent_id: hex(&span.parent_span_id),
        service: exported.service.clone(),
        kind: exported.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_owned(),
        name: span.name.clone(),
        start: span.start_time_unix_nano,
        is_error: span.status.as_ref().is_some_and(|status| status.code == 2),
        attributes: attributes(&span.attributes),
        events: events.collect(),
        links: span.links.iter().map(|it| (hex(&it.trace_id), hex(&it.span_id))).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_makes_the_spans_of_the_page_and_no_others() {
    let flows = expected::read(PAGE);
    assert!(flows.len() > 15, "{flows:#?}");
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await;
        let (name, endpoint) = collector.variable();
        let variables = [(name, endpoint.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let services = four_services(&variables);
        let mut traces = Vec::new();
        for flow in &flows {
            traces.push(ask(&services, flow).await);
        }
        stop_in_order(services);

        let spans: Vec<_> = collector.spans().iter().map(span).collect();
        let mut problems = Vec::new();
        for (flow, trace_id) in flows.iter().zip(&traces) {
            let spans = expected::related(trace_id, &spans);
            let of_flow = expected::problems(flow, &spans);
            problems.extend(of_flow.into_iter().map(|it| format!("{}: {it}", flow.title)));
        }
        assert!(problems.is_empty(), "{problems:#?}");
        for span in &spans {
            // Values are where a question mark is, never in the text.
            if let Some(Value::Text(text)) = span.attributes.get("db.query.text") {
                assert!(text.contains("?1") && !text.contains(['"', '{']), "{text}");
            }
        }
    }
}

/// Each kind of difference is seen, for the page's test to mean something.
#[test]
fn what_differs_from_the_page_is_told() {
    let flows = expected::read(PAGE);
    let flow = flows.iter().find(|flow| flow.title == "a CPU task").unwrap();
    let text = |text: &str| Value::Text(text.to_owned());
    let line = |own: [(&str, Value); 2]| {
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let line = ["level", "target"].map(|name| (name.to_owned(), text("")));
        line.into_iter().chain(own).collect::<Attributes>()
    };
    let root = expected::Span {
        trace_id: "1".to_owned(),
        id: "1".to_owned(),
        parent_id: "the caller's".to_owned(),
        service: "app-a".to_owned(),
        kind: "SERVER".to_owned(),
        name: "GET /cpu_task".to_owned(),
        start: 1,
        is_error: false,
        attributes: [
            ("http.request.method", text("GET")),
            ("http.response.status_code", Value::Integer(200)),
            ("http.route", text("/cpu_task")),
            ("url.scheme", text("http")),
            ("url.path", text("/cpu_task")),
            ("url.query", text("limit=100")),
            ("network.protocol.version", text("1.1")),
            ("server.address", text("127.0.0.1")),
            ("client.address", text("127.0.0.1")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        events: Vec::new(),
        links: Vec::new(),
    };
    let work = expected::Span {
        id: "2".to_owned(),
        parent_id: "1".to_owned(),
        kind: "INTERNAL".to_owned(),
        name: "count_primes".to_owned(),
        attributes: [("limit".to_owned(), Value::Integer(100))].into(),
        events: vec![(
            "CPU task done".to_owned(),
            line([("limit", Value::Integer(100)), ("primes", Value::Integer(25))]),
        )],
        ..root.clone()
    };
    let problems = |root: &expected::Span, work: &expected::Span| {
        expected::problems(flow, &[root.clone(), work.clone()])
    };
    assert_eq!(problems(&root, &work), [] as [&str; 0]);

    let changed = |change: &dyn Fn(&mut expected::Span)| {
        let mut work = work.clone();
        change(&mut work);
        problems(&root, &work)
    };
    let limit =
        |value: Value| changed(&|it| drop(it.attributes.insert("limit".to_owned(), value.clone())));
    for (problems, told) in [
        (changed(&|it| it.name = "sieve".to_owned()), "is missing"),
        (
            changed(&|it| it.kind = "CLIENT".to_owned()),
            "unexpected: app-a CLIENT count_primes below 1",
        ),
        (changed(&|it| it.service = "app-b".to_owned()), "is missing"),
        (changed(&|it| it.parent_id = "3".to_owned()), "is missing"),
        (changed(&|it| it.trace_id = "2".to_owned()), "another trace"),
        (changed(&|it| it.is_error = true), "status is an error: true"),
        (changed(&|it| it.links.push(("1".to_owned(), "1".to_owned()))), "has the links"),
        (changed(&|it| it.events.clear()), "its events are: "),
        (
            changed(&|it| drop(it.events[0].1.remove("primes"))),
            "event CPU task done: primes is missing",
        ),
        (changed(&|it| drop(it.attributes.remove("limit"))), "limit is missing"),
        (limit(text("100")), "limit is of type string"),
        (limit(Value::Integer(99)), "limit is 99"),
        (
            changed(&|it| drop(it.attributes.insert("colour".to_owned(), text("red")))),
            "unexpected colour: red",
        ),
    ] {
        assert!(problems.iter().any(|problem| problem.contains(told)), "{told}: {problems:?}");
    }
}
