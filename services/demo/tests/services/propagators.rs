//! What each propagator sends and reads, and that no header fails a request.

use axum::http::HeaderMap;
use demo::tasks::CpuTaskRequest;
use demo::tasks::tasks_client::TasksClient;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::header::{HeaderName, HeaderValue};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;

use super::collector::{Collector, Exported, hex};
use super::process::{Service, nobody};
use super::stand_in::StandIn;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn headers(headers: &[(&str, &[u8])]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

/// GETs a path with headers, and returns the status.
async fn get(service: &Service, path: &str, headers: HeaderMap) -> u16 {
    let client = reqwest::Client::builder().http1_only().build().unwrap();
    let request = client.get(format!("http://{}{path}", service.address)).headers(headers);
    request.send().await.unwrap().status().as_u16()
}

async fn cpu_task(client: &mut TasksClient<Channel>, headers: HeaderMap) {
    let request = CpuTaskRequest { limit: 100 };
    let metadata = MetadataMap::from_headers(headers);
    let request = tonic::Request::from_parts(metadata, Default::default(), request);
    assert_eq!(client.cpu_task(request).await.unwrap().into_inner().primes, 25);
}

/// The CLIENT span whose id these headers tell, however they do.
fn sender<'a>(spans: &'a [Exported], headers: &HeaderMap) -> &'a Exported {
    let sent = |client: &&Exported| {
        let id = hex(&client.span.span_id);
        headers.values().any(|value| value.to_str().unwrap().contains(&id))
    };
    spans.iter().filter(|span| span.kind() == SpanKind::Client).find(sent).unwrap()
}

/// The headers of these names, as text.
fn named<'a>(headers: &'a HeaderMap, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    let named = headers.iter().filter(|(name, _)| names.contains(&name.as_str()));
    let mut named: Vec<_> =
        named.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    named.sort_unstable();
    named
}

/// Every header that a propagator knows of.
const ALL: [&str; 7] = [
    "traceparent",
    "tracestate",
    "baggage",
    "uber-trace-id",
    "uberctx-tier",
    "jaeger-debug-id",
    "jaeger-baggage",
];

#[tokio::test(flavor = "multi_thread")]
async fn each_propagator_reads_and_sends_its_own_headers_over_http_and_grpc() {
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let uber = format!("{TRACE}:{SPAN}:0:1");
    let w3c =
        [("traceparent", &*traceparent), ("tracestate", "vendor=1"), ("baggage", "tier=gold")];
    let jaeger = [("uber-trace-id", &*uber), ("uberctx-tier", "gold")];
    for (propagators, received, sent) in [
        ("tracecontext,baggage", &w3c[..], &ALL[..3]),
        ("tracecontext", &w3c[..], &ALL[..2]),
        ("jaeger", &jaeger[..], &ALL[3..5]),
        (
            "jaeger,tracecontext,baggage",
            &jaeger[..],
            &["traceparent", "baggage", "uber-trace-id", "uberctx-tier"],
        ),
        ("jaeger,tracecontext,baggage", &w3c[..], &ALL[..5]),
        ("none", &w3c[..], &[]),
    ] {
        let collector = Collector::start().await;
        let target = StandIn::start().await;
        let (name, endpoint) = collector.variable();
        let variables = [(name, &*endpoint), ("OTEL_PROPAGATORS", propagators)];
        let service = Service::start("app-a", target.address, target.address, &variables);
        let received: Vec<_> =
            received.iter().map(|(name, value)| (*name, value.as_bytes())).collect();

        assert_eq!(get(&service, "/chain", headers(&received)).await, 200);
        let spans = collector.wait_for(5).await;
        let seen = target.seen();
        assert_eq!(seen.len(), 2);
        for (protocol, headers) in &seen {
            let mut expected = sent.to_vec();
            expected.sort_unstable();
            let all: Vec<_> = named(headers, &ALL).into_iter().map(|(name, _)| name).collect();
            assert_eq!(all, expected, "{propagators}, {protocol}");
            if sent.is_empty() {
                continue;
            }
            let id = hex(&sender(&spans, headers).span.span_id);
            let expected = [
                ("traceparent", format!("00-{TRACE}-{id}-01")),
                ("tracestate", "vendor=1".to_owned()),
                ("baggage", "tier=gold".to_owned()),
                ("uber-trace-id", format!("{TRACE}:{id}:0:1")),
                ("uberctx-tier", "gold".to_owned()),
            ];
            for (name, value) in named(headers, &ALL) {
                let expected = expected.iter().find(|(it, _)| *it == name).unwrap();
                assert_eq!(value, expected.1, "{propagators}, {protocol}: {name}");
            }
        }
        let is_continued = spans.iter().all(|it| hex(&it.span.trace_id) == TRACE);
        assert_eq!(is_continued, !sent.is_empty(), "{propagators}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debug_id_makes_a_trace_that_is_found_by_it_whatever_the_sampler_says() {
    for sampler in ["parentbased_always_off", "always_off"] {
        let collector = Collector::start().await;
        let target = StandIn::start().await;
        let (name, endpoint) = collector.variable();
        let variables =
            [(name, &*endpoint), ("OTEL_PROPAGATORS", "jaeger"), ("OTEL_TRACES_SAMPLER", sampler)];
        let service = Service::start("app-a", target.address, target.address, &variables);
        assert_eq!(get(&service, "/chain", HeaderMap::new()).await, 200);
        let debug = headers(&[("jaeger-debug-id", b"ticket-17"), ("jaeger-baggage", b"tier=gold")]);
        assert_eq!(get(&service, "/chain", debug).await, 200);

        let spans = collector.wait_for(5).await;
        let found: Vec<_> =
            spans.iter().filter(|it| it.attribute("jaeger-debug-id").is_some()).collect();
        let [root] = found[..] else { panic!("{found:#?}") };
        assert_eq!(root.attribute("jaeger-debug-id").unwrap(), "ticket-17");
        assert!(root.span.parent_span_id.is_empty());
        assert!(spans.iter().all(|it| it.span.trace_id == root.span.trace_id));
        let seen = target.seen();
        assert_eq!(seen.len(), 4, "{sampler}");
        let (unsampled, debugged) = seen.split_at(2);
        for (protocol, headers) in debugged {
            let client = sender(&spans, headers);
            let expected =
                format!("{}:{}:0:3", hex(&root.span.trace_id), hex(&client.span.span_id));
            let expected = [("uber-trace-id", &*expected), ("uberctx-tier", "gold")];
            assert_eq!(named(headers, &ALL), expected, "{sampler}, {protocol}");
        }
        for (_, headers) in unsampled {
            assert!(headers["uber-trace-id"].to_str().unwrap().ends_with(":0:0"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_nobody_should_send_begins_a_trace_and_fails_nothing() {
    let collector = Collector::start().await;
    let target = StandIn::start().await;
    let (name, endpoint) = collector.variable();
    let variables = [(name, &*endpoint), ("OTEL_PROPAGATORS", "tracecontext,baggage,jaeger")];
    let service = Service::start("app-c", target.address, nobody(), &variables);
    let mut client = TasksClient::connect(format!("http://{}", service.address)).await.unwrap();

    let traceparent = format!("00-{TRACE}-{SPAN}-01").into_bytes();
    let uber = format!("{TRACE}:{SPAN}:0:1").into_bytes();
    let long = vec![b'a'; 10_000];
    let list = b"a=1,".repeat(2_500);
    let hostile: Vec<Vec<(&str, &[u8])>> = vec![
        vec![("traceparent", b"")],
        vec![("traceparent", b"\xff\xfe")],
        vec![("traceparent", b"00-1-1-01")],
        vec![("traceparent", b"00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
        vec![("traceparent", b"00-00000000000000000000000000000000-b7ad6b7169203331-01")],
        vec![("traceparent", b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
        vec![("traceparent", b"'; DROP TABLE spans; --")],
        vec![("traceparent", &long)],
        vec![("traceparent", &traceparent), ("traceparent", &traceparent)],
        vec![("uber-trace-id", &uber), ("uber-trace-id", &uber)],
        vec![("uber-trace-id", b"%ff%fe:1:0:1")],
        vec![("uber-trace-id", &long)],
        vec![("tracestate", &list)],
        vec![("baggage", &list)],
        vec![("jaeger-baggage", &list)],
        vec![("baggage", &long)],
        vec![("baggage", b"\xff=1"), ("uberctx-a", b"%ff"), ("uberctx-", b"a")],
        vec![("baggage", b"a=%0d%0ax-injected:%201,b;c=%0a")],
        vec![("uberctx-a-bin", b"not base64!"), ("jaeger-baggage", b"b-bin=no base64")],
    ];
    let count = hostile.len();
    for hostile in hostile {
        // Of a gRPC request, only what a client of that can send.
        let metadata = hostile.iter().filter(|(name, _)| !name.ends_with("-bin")).copied();
        cpu_task(&mut client, headers(&metadata.collect::<Vec<_>>())).await;
        assert_eq!(get(&service, "/", headers(&hostile)).await, 200, "{hostile:?}");
    }
    // Of each the call over HTTP, and three of the call over gRPC: its own, the count, the next.
    let spans = collector.wait_for(4 * count).await;
    let servers: Vec<_> = spans.iter().filter(|it| it.kind() == SpanKind::Server).collect();
    assert_eq!(servers.len(), 2 * count);
    for server in servers {
        assert!(server.span.parent_span_id.is_empty(), "{server:#?}");
        assert_ne!(hex(&server.span.trace_id), TRACE);
    }
    assert_eq!(target.seen().len(), count);
    for (_, headers) in target.seen() {
        let bytes: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        assert!(bytes < 16 << 10, "{bytes}");
        assert!(!headers.contains_key("x-injected"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn baggage_that_grows_on_its_way_fails_no_call() {
    let collector = Collector::start().await;
    let target = StandIn::start().await;
    let (name, endpoint) = collector.variable();
    let variables = [(name, &*endpoint), ("OTEL_PROPAGATORS", "tracecontext,baggage,jaeger")];
    let service = Service::start("app-a", target.address, target.address, &variables);

    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let state: Vec<_> = (10..42).map(|number| format!("v{number}={}", "x".repeat(59))).collect();
    let entry = |number| format!("n{number}={}", "x".repeat(123));
    let full: Vec<_> = (10..74).map(entry).collect();
    let mut lists = ["%", "\\", "\"", "%ff"].map(|text| text.repeat(8_000 / text.len())).to_vec();
    lists.iter_mut().for_each(|value| value.insert_str(0, "a="));
    lists.push(full.join(","));
    let count = lists.len();
    for list in lists {
        let headers = headers(&[
            ("traceparent", traceparent.as_bytes()),
            ("tracestate", state.join(",").as_bytes()),
            ("baggage", list.as_bytes()),
        ]);
        assert_eq!(get(&service, "/chain", headers).await, 200, "{}", &list[..10]);
    }
    let seen = target.seen();
    assert_eq!(seen.len(), 2 * count);
    for (protocol, headers) in seen {
        // As HTTP/2 counts them, and a server of it allows.
        let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
        let bytes: usize = bytes.sum();
        assert!(bytes < 15 << 10, "{protocol}: {bytes}");
        assert_eq!(headers["tracestate"].len(), 32 * 64 - 1);
    }
}
