//! Headers that variables list, as the spans of both sides of each hop have them.

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::collector::{Collector, Exported, hex};
use super::process::{demo, four_services};
use super::trace::SPANS;

/// The values of an attribute that is an array of strings.
fn values(exported: &Exported, key: &str) -> Option<Vec<String>> {
    let attribute = exported.span.attributes.iter().find(|attribute| attribute.key == key)?;
    let Some(Value::ArrayValue(array)) = attribute.value.clone()?.value else { panic!("{key}") };
    let text = |value| match value {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?}"),
    };
    Some(array.values.into_iter().map(|value| text(value.value)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_each_hop_show_what_carried_the_context_over_http_and_grpc() {
    let collector = Collector::start().await;
    let (name, endpoint) = collector.variable();
    let names = "Traceparent, baggage,uber-trace-id,authorization";
    let variables = [
        (name, endpoint.as_str()),
        ("OTEL_PROPAGATORS", "tracecontext,baggage,jaeger"),
        ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", names),
        ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", "Content-Type"),
        ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", names),
        ("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE", "content-type"),
        ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST", names),
        ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_RESPONSE", "content-type"),
        ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_REQUEST", names),
        ("OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_CLIENT_RESPONSE", "content-type"),
    ];
    let services = four_services(&variables);
    let chain = reqwest::Client::new()
        .get(format!("http://{}/chain", services[0].address))
        .header("baggage", "tier=gold")
        .header("authorization", "Bearer secret");
    assert_eq!(chain.send().await.unwrap().status(), 200);

    let spans = collector.wait_for(SPANS).await;
    let mut hops = 0;
    for server in spans.iter().filter(|span| span.label().contains(" SERVER ")) {
        assert!(!format!("{server:?}").contains("secret"));
        let is_grpc = server.label().ends_with("CpuTask");
        let [request, response] = if is_grpc {
            ["rpc.request.metadata", "rpc.response.metadata"]
        } else {
            ["http.request.header", "http.response.header"]
        };
        let content = if is_grpc { "application/grpc" } else { "application/json" };
        let content = Some(vec![content.to_owned()]);
        let of = |span, kind: &str, name: &str| values(span, &format!("{kind}.{name}"));
        assert_eq!(of(server, request, "baggage"), Some(vec!["tier=gold".to_owned()]));
        assert_eq!(of(server, response, "content-type"), content);
        let parent = &server.span.parent_span_id;
        let Some(client) = spans.iter().find(|span| span.span.span_id == *parent) else { continue };
        hops += 1;
        let (trace, parent) = (hex(&server.span.trace_id), hex(parent));
        for (name, sent) in [
            ("traceparent", format!("00-{trace}-{parent}-01")),
            ("uber-trace-id", format!("{trace}:{parent}:0:1")),
            ("baggage", "tier=gold".to_owned()),
        ] {
            for side in [client, server] {
                assert_eq!(of(side, request, name), Some(vec![sent.clone()]), "{}", side.label());
            }
        }
        assert_eq!(of(client, response, "content-type"), content);
    }
    assert_eq!(hops, 4);
}

#[test]
fn a_list_that_is_none_stops_the_start_and_is_named() {
    let name = "OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST";
    let output = demo().env(name, "x-id,not a name").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(name) && error.contains("not a name"), "{error}");
}
