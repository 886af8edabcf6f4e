//! The real Jaeger, with the configuration of the lab, writes to spoor and reads from it.

mod api_v3;
mod fixture;

use std::collections::{BTreeSet, HashMap};

use api_v3::{Grpc, Query, get, json_spans, search_over_http};
use e2e::{Jaeger, Spoor, eventually};
use fixture::{BUY, COUNT, LOOK, MILLISECOND, MINUTE, ORDER, START};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, TracesData};
use prost::Message;
use prost_types::{Duration, Timestamp};
use serde_json::json;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;

/// Jaeger over spoor, which holds the fixture's traces, written through Jaeger.
struct Lab {
    jaeger: Jaeger,
    grpc: Grpc,
    _spoor: Spoor,
}

async fn lab() -> Lab {
    let spoor = Spoor::start().await.unwrap();
    let jaeger = Jaeger::start(spoor.grpc).await.unwrap();
    let mut writer = TraceServiceClient::connect(format!("http://{}", jaeger.otlp)).await.unwrap();
    let traces = fixture::traces().encode_to_vec();
    writer.export(RawTraces(traces.into())).await.unwrap();

    let grpc = Grpc::connect(&jaeger).await;
    eventually("all spans are written", async || {
        let mut written = Vec::new();
        for trace in [ORDER, LOOK, BUY, COUNT] {
            written.extend(spans(&grpc.trace(trace).await));
        }
        Ok((written.len() == spans(&[fixture::traces()]).len()).then_some(()))
    })
    .await
    .unwrap();
    Lab { jaeger, grpc, _spoor: spoor }
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn a_trace_read_over_grpc_is_what_was_written() {
    let lab = lab().await;

    let read = spans(&lab.grpc.trace(ORDER).await);

    let mut written = spans(&[fixture::traces()]);
    written.retain(|single| single.scope_spans[0].spans[0].trace_id == fixture::bytes(ORDER));
    assert_eq!(read, written);
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn a_trace_read_over_http_is_what_was_written() {
    let lab = lab().await;

    let raw = [("raw_traces", "true".to_owned())];
    let trace = get(&lab.jaeger, &format!("/api/v3/traces/{ORDER}"), &raw).await.unwrap();

    assert_eq!(json_spans(&trace).count(), 3);
    let span = json_spans(&trace).find(|span| span["spanId"] == "00000000000000a1").unwrap();
    assert_eq!(
        *span,
        json!({
            "traceId": ORDER,
            "spanId": "00000000000000a1",
            "traceState": "vendor=a,other=b",
            "flags": 257,
            "name": "POST /order",
            "kind": 2,
            "startTimeUnixNano": "1767323045123456789",
            "endTimeUnixNano": "1767323045133456789",
            "attributes": [
                {"key": "text", "value": {"stringValue": "Grüße 🐾"}},
                {"key": "whole", "value": {"intValue": "-9007199254740993"}},
                {"key": "real", "value": {"doubleValue": 0.1}},
                {"key": "flag", "value": {"boolValue": true}},
                {"key": "bytes", "value": {"bytesValue": "AJ//"}},
                {"key": "list", "value": {"arrayValue": {"values": [
                    {"stringValue": "a"},
                    {"intValue": "1"},
                ]}}},
                {"key": "map", "value": {"kvlistValue": {"values": [
                    {"key": "inner", "value": {"arrayValue": {"values": [{"boolValue": false}]}}},
                ]}}},
                {"key": "empty", "value": {"stringValue": ""}},
            ],
            "droppedAttributesCount": 3,
            "events": [
                {
                    "timeUnixNano": "1767323045123456790",
                    "name": "reserved",
                    "attributes": [{"key": "event.only", "value": {"stringValue": "yes"}}],
                    "droppedAttributesCount": 4,
                },
                {"timeUnixNano": "1767323045123456791"},
            ],
            "droppedEventsCount": 5,
            "links": [{
                "traceId": LOOK,
                "spanId": "0101010101010101",
                "traceState": "linked=1",
                "attributes": [{"key": "link.only", "value": {"stringValue": "yes"}}],
                "droppedAttributesCount": 6,
                "flags": 256,
            }],
            "droppedLinksCount": 7,
            "status": {"message": "out of stock", "code": 2},
        })
    );
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn an_unknown_trace_is_not_found() {
    let lab = lab().await;
    let unknown = "0123456789abcdef0000000000000009";

    assert_eq!(lab.grpc.trace(unknown).await, []);
    assert_eq!(get(&lab.jaeger, &format!("/api/v3/traces/{unknown}"), &[]).await, None);
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn services_and_their_operations_are_listed() {
    let lab = lab().await;

    assert_eq!(lab.grpc.services().await, strings(&["shop", "stock"]));
    let services = get(&lab.jaeger, "/api/v3/services", &[]).await.unwrap();
    let names = services["services"].as_array().unwrap().iter();
    let names: BTreeSet<_> = names.map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(names, strings(&["shop", "stock"]));

    let expected = BTreeSet::from([
        ("GET /look".to_owned(), "server".to_owned()),
        ("POST /buy".to_owned(), "server".to_owned()),
        ("POST /order".to_owned(), "server".to_owned()),
        ("stock.Stock/Reserve".to_owned(), "client".to_owned()),
    ]);
    assert_eq!(lab.grpc.operations("shop").await, expected);
    let parameters = [("service", "shop".to_owned())];
    let operations = get(&lab.jaeger, "/api/v3/operations", &parameters).await.unwrap();
    let operations = operations["operations"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let operations: BTreeSet<_> =
        operations.map(|found| (text(&found["name"]), text(&found["spanKind"]))).collect();
    assert_eq!(operations, expected);
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn a_search_by_each_field_finds_exactly_the_matching_traces() {
    let lab = lab().await;
    let shop = Query {
        service_name: "shop".to_owned(),
        start_time_min: Some(time(START - MINUTE)),
        start_time_max: Some(time(START + 10 * MINUTE)),
        search_depth: 100,
        ..Query::default()
    };
    let named = |name: &str| Query { operation_name: name.to_owned(), ..shop.clone() };
    let lasting = |min: Option<u64>, max: Option<u64>| Query {
        duration_min: min.map(milliseconds),
        duration_max: max.map(milliseconds),
        ..shop.clone()
    };
    let starting = |min: u64, max: u64| Query {
        start_time_min: Some(time(min)),
        start_time_max: Some(time(max)),
        ..shop.clone()
    };
    let newest = |limit| Query { search_depth: limit, ..shop.clone() };
    let stock = Query { service_name: "stock".to_owned(), ..shop.clone() };
    let nobody = Query { service_name: "nobody".to_owned(), ..shop.clone() };

    for (query, expected) in [
        (shop.clone(), &[ORDER, LOOK, BUY][..]),
        (stock.clone(), &[ORDER, COUNT]),
        (nobody, &[]),
        (named("GET /look"), &[LOOK]),
        (named("count"), &[]),
        (Query { operation_name: "stock.Stock/Reserve".to_owned(), ..stock }, &[ORDER]),
        // Both bounds are inclusive, and one span of the trace must meet them.
        (lasting(Some(20), None), &[LOOK, BUY]),
        (lasting(None, Some(20)), &[ORDER, LOOK]),
        (lasting(Some(20), Some(20)), &[LOOK]),
        (lasting(Some(6), Some(9)), &[]),
        (starting(START + MINUTE, START + 2 * MINUTE), &[LOOK, BUY]),
        (starting(START + MINUTE + 1, START + 2 * MINUTE), &[BUY]),
        (starting(START, START + 2 * MINUTE - 1), &[ORDER, LOOK]),
        // The limit keeps the newest.
        (newest(1), &[BUY]),
        (newest(2), &[BUY, LOOK]),
    ] {
        let expected = strings(expected);
        assert_eq!(lab.grpc.search(&query).await, expected, "over gRPC: {query:?}");
        let found = search_over_http(&lab.jaeger, &query).await;
        assert_eq!(found, expected, "over HTTP: {query:?}");
    }
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn a_search_by_attribute_matches_text_at_every_level_of_one_span() {
    let lab = lab().await;

    for (attributes, expected) in [
        (&[("text", "Grüße 🐾")][..], &[ORDER][..]),
        (&[("whole", "-9007199254740993")], &[ORDER]),
        (&[("real", "0.1")], &[ORDER]),
        (&[("flag", "true")], &[ORDER]),
        (&[("flag", "false")], &[]),
        (&[("event.only", "yes")], &[ORDER]),
        (&[("link.only", "yes")], &[ORDER]),
        (&[("scope.of", "shop")], &[ORDER, LOOK, BUY]),
        (&[("replicas", "3")], &[ORDER, LOOK, BUY]),
        (&[("resource.replicas", "3")], &[ORDER, LOOK, BUY]),
        (&[("scope.name", "fixture"), ("scope.version", "1.2.3")], &[ORDER, LOOK, BUY]),
        (&[("error", "true")], &[ORDER]),
        (&[("span.kind", "client")], &[ORDER]),
        (&[("flag", "true"), ("event.only", "yes"), ("replicas", "3")], &[ORDER]),
        // Each holds on a span of the order, but no span has both.
        (&[("span.kind", "client"), ("flag", "true")], &[]),
    ] {
        let pairs = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let query = Query {
            service_name: "shop".to_owned(),
            attributes: pairs.collect::<HashMap<_, _>>(),
            start_time_min: Some(time(START - MINUTE)),
            start_time_max: Some(time(START + 10 * MINUTE)),
            search_depth: 100,
            ..Query::default()
        };
        assert_eq!(lab.grpc.search(&query).await, strings(expected), "{attributes:?}");
    }
}

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn a_call_from_one_service_to_another_is_a_dependency() {
    let lab = lab().await;
    let milliseconds = |nanoseconds: u64| (nanoseconds / MILLISECOND).to_string();

    let parameters =
        |end: u64| [("endTs", milliseconds(end)), ("lookback", milliseconds(2 * MINUTE))];
    let around = get(&lab.jaeger, "/api/dependencies", &parameters(START + MINUTE)).await.unwrap();
    let before = get(&lab.jaeger, "/api/dependencies", &parameters(START - MINUTE)).await.unwrap();

    assert_eq!(
        around["data"],
        json!([{"parent": "shop", "child": "stock", "callCount": 1}]),
        "{around}"
    );
    assert_eq!(before["data"], json!([]), "{before}");
}

/// Each span alone with its resource and scope, in the order of span ids: what storage may group
/// as it likes.
fn spans(chunks: &[TracesData]) -> Vec<ResourceSpans> {
    let mut single = Vec::new();
    for resource in chunks.iter().flat_map(|chunk| &chunk.resource_spans) {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let scope_spans = vec![ScopeSpans { spans: vec![span.clone()], ..scope.clone() }];
                single.push(ResourceSpans { scope_spans, ..resource.clone() });
            }
        }
    }
    single.sort_by_key(|resource| resource.scope_spans[0].spans[0].span_id.clone());
    single
}

fn strings(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn time(unix_nanoseconds: u64) -> Timestamp {
    Timestamp {
        seconds: i64::try_from(unix_nanoseconds / 1_000_000_000).unwrap(),
        nanos: i32::try_from(unix_nanoseconds % 1_000_000_000).unwrap(),
    }
}

fn milliseconds(milliseconds: u64) -> Duration {
    std::time::Duration::from_millis(milliseconds).try_into().unwrap()
}
