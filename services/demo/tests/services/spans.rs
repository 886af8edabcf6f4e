//! `docs/demo.md`: every span of every endpoint.

use super::collector::{Collector, Exported};
use super::expected::{self, Attributes, CALLER, Value};
use super::flows::{OF_THE_LAB, Sent, page, span};
use super::process::{four_services, get, stop_in_order};

#[tokio::test(flavor = "multi_thread")]
async fn every_request_makes_the_spans_of_the_page_and_no_others() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await;
        let (name, endpoint) = collector.variable();
        let variables = [(name, endpoint.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let services = four_services(&[&variables[..], &OF_THE_LAB].concat());
        let addresses = services.each_ref().map(|service| service.address);
        for address in addresses {
            // This makes none, in no trace.
            assert_eq!(get(address, "/healthz").await.0, 200);
        }
        let sent = Sent::to(addresses).await;
        stop_in_order(services);

        let in_words = |exported: &Exported| span(&exported.service, &exported.span);
        let spans: Vec<_> = collector.spans().iter().map(in_words).collect();
        let problems = sent.problems(&spans);
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

/// Each kind of difference is seen, for the page's test to mean something.
#[test]
fn what_differs_from_the_page_is_told() {
    let flows = page();
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
        parent_id: CALLER.to_owned(),
        service: "app-a".to_owned(),
        kind: "SERVER".to_owned(),
        name: "GET /cpu_task".to_owned(),
        start: 1,
        status: "unset".to_owned(),
        attributes: [
            ("http.request.method", text("GET")),
            ("http.response.status_code", Value::Integer(200)),
            ("http.route", text("/cpu_task")),
            ("url.scheme", text("http")),
            ("url.path", text("/cpu_task")),
            ("url.query", text("limit=100")),
            ("network.protocol.version", text("1.1")),
            ("server.address", text("127.0.0.1")),
            ("server.port", Value::Integer(8000)),
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
    for parent_id in ["", "9"] {
        let root = expected::Span { parent_id: parent_id.to_owned(), ..root.clone() };
        assert_eq!(problems(&root, &work)[0], "1: app-a SERVER GET /cpu_task is missing");
    }

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
        (changed(&|it| it.status = "ok".to_owned()), "its status is ok"),
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
        (
            changed(&|it| {
                let name = "http.request.header.traceparent".to_owned();
                it.attributes.insert(name, Value::Texts(vec!["00".to_owned()]));
            }),
            "unexpected http.request.header.traceparent: [\"00\"]",
        ),
    ] {
        assert!(problems.iter().any(|problem| problem.contains(told)), "{told}: {problems:?}");
    }
}

/// What continues another trace by a link begins one, below nobody.
#[test]
fn a_parent_of_what_has_none_is_told() {
    const PAGE: &str = "
### nothing

| attribute | type | there | convention |
| --- | --- | --- | --- |

### a message

Request: `GET /` to `app-a`, answered with `200`.

| span | parent | service | kind | name | status | attributes | events | link to |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| 1 | | app-a | PRODUCER | `send` | unset | nothing | | |
| 2 | | app-a | CONSUMER | `process` | unset | nothing | | 1 |
";
    let flow = &expected::read(PAGE)[0];
    let problems = |parent_id: &str| {
        let sent = expected::Span {
            trace_id: "1".to_owned(),
            id: "1".to_owned(),
            parent_id: CALLER.to_owned(),
            service: "app-a".to_owned(),
            kind: "PRODUCER".to_owned(),
            name: "send".to_owned(),
            start: 1,
            status: "unset".to_owned(),
            attributes: Attributes::new(),
            events: Vec::new(),
            links: Vec::new(),
        };
        let processed = expected::Span {
            trace_id: "2".to_owned(),
            id: "2".to_owned(),
            parent_id: parent_id.to_owned(),
            kind: "CONSUMER".to_owned(),
            name: "process".to_owned(),
            start: 2,
            links: vec![("1".to_owned(), "1".to_owned())],
            ..sent.clone()
        };
        expected::problems(flow, &[sent, processed])
    };
    assert_eq!(problems(""), [] as [&str; 0]);
    for parent_id in [CALLER, "9"] {
        assert_eq!(problems(parent_id)[0], "2: app-a CONSUMER process is missing");
    }
}
