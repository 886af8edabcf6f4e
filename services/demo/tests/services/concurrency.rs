//! Many requests at once.

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures::future::join_all;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt;

use super::collector::{Collector, Exported};
use super::process::{four_services, stop_in_order};
use super::trace::assert_is_one_chain;

const REQUESTS: usize = 1_000;
/// How many spans of a chain are of servers.
const SERVERS: usize = 5;
/// Over HTTP/2: 1,000 connections are more than some systems let a process open.
const CONNECTIONS: usize = 10;

/// The ids that request `number` comes with.
fn trace_id(number: usize) -> String {
    format!("{:032x}", 0x1000_0000 + number)
}

fn parent_id(number: usize) -> [u8; 8] {
    (0x2000_0000 + number as u64).to_be_bytes()
}

/// Every second request is not to be sampled.
fn is_sampled(number: usize) -> bool {
    number.is_multiple_of(2)
}

fn baggage(number: usize) -> String {
    format!("number={number}")
}

async fn chain(channel: Channel, number: usize) {
    let parent = u64::from_be_bytes(parent_id(number));
    let flags = u8::from(is_sampled(number));
    let request = Request::get("/chain")
        .header("traceparent", format!("00-{}-{parent:016x}-{flags:02x}", trace_id(number)))
        .header("baggage", baggage(number))
        .body(tonic::body::Body::empty())
        .unwrap();
    let response = channel.oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["trace_id"], trace_id(number));
    assert_eq!(answer["sampled"], is_sampled(number));
}

/// How many of the spans tell that their request came with this baggage, and no other.
fn with_baggage(spans: &[Exported], number: usize) -> usize {
    let of = |exported: &Exported| {
        let keys = ["http.request.header.baggage", "rpc.request.metadata.baggage"];
        keys.iter().find_map(|key| exported.attribute(key))
    };
    let expected = format!("{:?}", baggage(number));
    let told: Vec<String> = spans.iter().filter_map(of).collect();
    assert!(told.iter().all(|it| it.contains(&expected)), "{expected}: {told:#?}");
    told.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_chains_at_once_are_whole_traces_each_with_its_baggage_and_decision() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let services = four_services(&[
        (name, endpoint.as_str()),
        ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "baggage"),
        ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST", "baggage"),
    ]);
    let address = services[0].address;
    let channels: Vec<Channel> = (0..CONNECTIONS)
        .map(|_| Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy())
        .collect();

    join_all((0..REQUESTS).map(|number| chain(channels[number % CONNECTIONS].clone(), number)))
        .await;
    // Nothing comes after that.
    stop_in_order(services);

    let mut traces: HashMap<Vec<u8>, Vec<Exported>> = HashMap::new();
    for exported in collector.spans() {
        traces.entry(exported.span.trace_id.clone()).or_default().push(exported);
    }
    for number in (0..REQUESTS).filter(|number| is_sampled(*number)) {
        let id = (0x1000_0000 + number as u128).to_be_bytes();
        let trace = traces.remove(id.as_slice()).expect("it is sampled");
        assert_eq!(assert_is_one_chain(&trace), parent_id(number));
        assert_eq!(with_baggage(&trace, number), SERVERS);
    }
    assert!(traces.is_empty(), "the others are not: {traces:#?}");
}
