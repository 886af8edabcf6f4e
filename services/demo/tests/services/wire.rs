//! What goes over the wire between services.

use axum::http::HeaderMap;
use demo::tasks::CpuTaskRequest;
use demo::tasks::tasks_client::TasksClient;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tonic::Request;

use super::collector::{Collector, Exported, hex};
use super::process::{Service, get};
use super::stand_in::StandIn;

/// The header that a span's callee is to get.
fn traceparent(exported: &Exported) -> String {
    format!("00-{}-{}-01", hex(&exported.span.trace_id), hex(&exported.span.span_id))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_is_sent_the_ids_of_the_client_span_in_a_header_and_in_metadata() {
    let collector = Collector::start().await;
    let target = StandIn::start().await;
    let (name, endpoint) = collector.variable();
    let service =
        Service::start("app-a", target.address, target.address, &[(name, endpoint.as_str())]);

    let (status, _) = get(service.address, "/chain").await;
    assert_eq!(status, 200);
    let spans = collector.wait_for(5).await;
    for (protocol, headers) in target.seen() {
        let sent = header(&headers, "traceparent");
        let client = spans.iter().find(|exported| traceparent(exported) == sent).unwrap();
        let expected = match protocol {
            "http" => "app-a CLIENT GET",
            _ => "app-a CLIENT demo.v1.Tasks/CpuTask",
        };
        assert_eq!(client.label(), expected);
        let port = target.address.port().to_string();
        assert_eq!(client.attribute("server.port"), Some(port));
    }
    assert_eq!(target.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_comes_by_grpc_goes_on_by_http_with_its_baggage() {
    let collector = Collector::start().await;
    let target = StandIn::start().await;
    let (name, endpoint) = collector.variable();
    let service =
        Service::start("app-c", target.address, target.address, &[(name, endpoint.as_str())]);

    let mut request = Request::new(CpuTaskRequest { limit: 100 });
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.metadata_mut().insert("traceparent", caller.parse().unwrap());
    request.metadata_mut().insert("baggage", "user=alice".parse().unwrap());
    let mut client = TasksClient::connect(format!("http://{}", service.address)).await.unwrap();
    assert_eq!(client.cpu_task(request).await.unwrap().into_inner().primes, 25);

    let spans = collector.wait_for(3).await;
    let [(protocol, headers)] = target.seen().try_into().unwrap();
    assert_eq!(protocol, "http");
    assert_eq!(header(&headers, "baggage"), "user=alice");
    let client = spans.iter().find(|exported| exported.kind() == SpanKind::Client).unwrap();
    assert_eq!(header(&headers, "traceparent"), traceparent(client));
    assert_eq!(traceparent(client)[..36], caller[..36], "the trace is the caller's");
    let server = spans.iter().find(|exported| exported.kind() == SpanKind::Server).unwrap();
    assert_eq!(client.span.parent_span_id, server.span.span_id);
}
