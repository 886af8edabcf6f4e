//! Many requests at once.

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use futures::future::join_all;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt;

use super::collector::{Collector, Exported};
use super::process::four_services;
use super::trace::{SPANS, assert_is_one_chain};

const REQUESTS: usize = 1_000;
/// Over HTTP/2: 1,000 connections are more than some systems let a process open.
const CONNECTIONS: usize = 10;

/// The ids that request `number` comes with.
fn trace_id(number: usize) -> String {
    format!("{:032x}", 0x1000_0000 + number)
}

fn parent_id(number: usize) -> [u8; 8] {
    (0x2000_0000 + number as u64).to_be_bytes()
}

async fn chain(channel: Channel, number: usize) {
    let parent = u64::from_be_bytes(parent_id(number));
    let request = Request::get("/chain")
        .header("traceparent", format!("00-{}-{parent:016x}-01", trace_id(number)))
        .body(tonic::body::Body::empty())
        .unwrap();
    let response = channel.oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["trace_id"], trace_id(number));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_chains_at_once_are_a_thousand_whole_traces() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let services = four_services(&[(name, endpoint.as_str())]);
    let address = services[0].address;
    let channels: Vec<Channel> = (0..CONNECTIONS)
        .map(|_| Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy())
        .collect();

    join_all((0..REQUESTS).map(|number| chain(channels[number % CONNECTIONS].clone(), number)))
        .await;

    let mut traces: HashMap<Vec<u8>, Vec<Exported>> = HashMap::new();
    for exported in collector.wait_for(REQUESTS * SPANS).await {
        traces.entry(exported.span.trace_id.clone()).or_default().push(exported);
    }
    assert_eq!(traces.len(), REQUESTS);
    for number in 0..REQUESTS {
        let id = (0x1000_0000 + number as u128).to_be_bytes();
        assert_eq!(assert_is_one_chain(&traces[id.as_slice()]), parent_id(number));
    }
}
