//! The trace of one `/chain`, span by span and edge by edge.

use std::collections::HashMap;

use reqwest::Method;

use super::collector::{Collector, Exported, hex, text};
use super::expected::CALLER;
use super::process::{Service, four_services, get, nobody};

/// Each span's label below its parent's, as `/chain` on `app-a` makes them.
const EDGES: [(&str, &str); 9] = [
    ("app-a SERVER GET /chain", "app-a CLIENT GET"),
    ("app-a CLIENT GET", "app-a SERVER GET /"),
    ("app-a SERVER GET /chain", "app-a CLIENT GET"),
    ("app-a CLIENT GET", "app-b SERVER GET /io_task"),
    ("app-a SERVER GET /chain", "app-a CLIENT demo.v1.Tasks/CpuTask"),
    ("app-a CLIENT demo.v1.Tasks/CpuTask", "app-c SERVER demo.v1.Tasks/CpuTask"),
    ("app-c SERVER demo.v1.Tasks/CpuTask", "app-c CLIENT GET"),
    ("app-c CLIENT GET", "app-d SERVER GET /io_task"),
    ("app-c SERVER demo.v1.Tasks/CpuTask", "app-c INTERNAL count_primes"),
];

/// Spans of one `/chain`.
pub const SPANS: usize = EDGES.len() + 1;

/// Checks that the spans are those of one `/chain`, whole, and returns the id of the root's parent.
pub fn assert_is_one_chain(spans: &[Exported]) -> Vec<u8> {
    let trace_id = &spans[0].span.trace_id;
    assert!(spans.iter().all(|exported| exported.span.trace_id == *trace_id));
    let by_id: HashMap<_, _> =
        spans.iter().map(|exported| (&exported.span.span_id, exported)).collect();
    assert_eq!(by_id.len(), spans.len(), "span ids are unique");

    let (inner, roots): (Vec<_>, Vec<_>) =
        spans.iter().partition(|exported| by_id.contains_key(&exported.span.parent_span_id));
    let mut edges: Vec<(String, String)> = inner
        .iter()
        .map(|child| (by_id[&child.span.parent_span_id].label(), child.label()))
        .collect();
    edges.sort();
    let mut expected = EDGES.map(|(parent, child)| (parent.to_owned(), child.to_owned()));
    expected.sort();
    assert_eq!(edges, expected);
    let [root] = roots.try_into().expect("there is one root");
    assert_eq!(root.label(), "app-a SERVER GET /chain");
    root.span.parent_span_id.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_exactly_one_whole_trace_by_either_protocol_of_export() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await;
        let (name, endpoint) = collector.variable();
        let variables = [(name, endpoint.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
        let services = four_services(&variables);

        let (status, answer) = get(services[0].address, "/chain").await;
        assert_eq!(status, 200, "{answer}");
        let spans = collector.wait_for(SPANS).await;
        assert!(assert_is_one_chain(&spans).is_empty(), "nothing called app-a within a trace");
        assert_eq!(answer["trace_id"], hex(&spans[0].span.trace_id));
        assert_eq!(answer["sampled"], true);

        let answered = ["/hops/0", "/hops/1", "/hops/2", "/hops/2/answer/hops/0"]
            .map(|hop| answer.pointer(&format!("{hop}/answer/service")).unwrap().as_str().unwrap());
        assert_eq!(answered, ["app-a", "app-b", "app-c", "app-d"]);
        assert_eq!(answer["hops"][2]["answer"]["primes"], 9_592);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_request_is_an_error_with_its_exception_and_a_health_check_is_nothing() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let [service, ..] = four_services(&[(name, endpoint.as_str())]);

    get(service.address, "/healthz").await;
    let (status, answer) = get(service.address, "/error_test").await;
    assert_eq!((status, &answer["error"]), (500, &"failing, as /error_test always does".into()));

    let [exported] = collector.wait_for(1).await.try_into().unwrap();
    assert_eq!(exported.label(), "app-a SERVER GET /error_test");
    assert_eq!(answer["trace_id"], hex(&exported.span.trace_id));
    assert_eq!(exported.attribute("error.type").as_deref(), Some("500"));
    assert_eq!(exported.attribute("http.response.status_code").as_deref(), Some("500"));
    let status = exported.span.status.unwrap();
    assert_eq!(status.code().as_str_name(), "STATUS_CODE_ERROR");
    let [exception] = exported.span.events.try_into().unwrap();
    assert_eq!(exception.name, "exception");
    let message = text(&exception.attributes, "exception.message");
    assert_eq!(message.as_deref(), Some("failing, as /error_test always does"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_of_it_an_answer_tells_its_trace_and_whether_that_is_kept() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let variables = [(name, endpoint.as_str())];
    let [service, ..] = &four_services(&variables);
    let alone = &Service::start("app-a", nobody(), nobody(), &variables);
    // Of this customer the payment is taken at once.
    let order = r#"{"customer":20,"items":[{"sku":901,"quantity":2},{"sku":902,"quantity":1}]}"#;
    for (service, method, path, body, status) in [
        (service, Method::GET, "/chain", "", 200),
        (alone, Method::GET, "/chain", "", 502),
        (service, Method::POST, "/orders", order, 201),
        (alone, Method::POST, "/orders", order, 502),
        (service, Method::POST, "/orders", "{", 400),
        (service, Method::GET, "/error_test", "", 500),
        (service, Method::GET, "/nowhere", "", 404),
    ] {
        for (flags, is_kept) in [("00", false), ("01", true)] {
            let trace_id = format!("{:032x}", rand::random::<u128>() | 1);
            let request = reqwest::Client::new()
                .request(method.clone(), format!("http://{}{path}", service.address))
                .header("traceparent", format!("00-{trace_id}-{CALLER}-{flags}"))
                .body(body);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {path}");
            let answer: serde_json::Value = answer.json().await.unwrap();
            let told = (&answer["trace_id"], &answer["sampled"]);
            assert_eq!(told, (&trace_id.into(), &is_kept.into()), "{method} {path}: {answer}");
        }
    }
}
