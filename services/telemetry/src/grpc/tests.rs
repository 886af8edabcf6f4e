//! Both sides over a real socket, by the one service whose code is at hand: OTLP's.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status as SpanStatus};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_sdk::trace::SpanData;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Response, Status};
use tower::{Layer, ServiceBuilder};
use tracing::{Dispatch, dispatcher, info_span};

use super::{ClientLayer, ServerLayer};
use crate::http;
use crate::testing::{Telemetry, attribute, attributes, both_sides, serve};

const METHOD: &str = "opentelemetry.proto.collector.trace.v1.TraceService/Export";

enum Answer {
    Code(Code),
    Never,
    Panic,
}

#[tonic::async_trait]
impl TraceService for Answer {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        assert!(request.extensions().get::<SpanContext>().is_some_and(SpanContext::is_valid));
        match self {
            Self::Code(Code::Ok) => Ok(Response::new(ExportTraceServiceResponse::default())),
            Self::Code(code) => Err(Status::new(*code, "as told, 100%")),
            Self::Never => std::future::pending().await,
            Self::Panic => panic!("as told"),
        }
    }
}

/// HTTP and gRPC on one router.
fn router(answer: Answer) -> Router {
    Router::new()
        .route("/", get(async || "home"))
        .layer(http::ServerLayer::default())
        .route_service(
            "/opentelemetry.proto.collector.trace.v1.TraceService/{method}",
            ServerLayer::new(&[METHOD]).layer(TraceServiceServer::new(answer)),
        )
}

async fn call(address: SocketAddr) -> Result<Response<ExportTraceServiceResponse>, Status> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel =
        ServiceBuilder::new().layer(ClientLayer::default()).service(endpoint.connect_lazy());
    TraceServiceClient::with_origin(channel, endpoint.uri().clone())
        .export(ExportTraceServiceRequest::default())
        .await
}

#[tokio::test]
async fn a_call_is_a_client_span_and_below_it_a_server_span() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Code(Code::Ok))).await;
    call(address).await.unwrap();

    let spans = telemetry.spans(2).await;
    let (client, server) = both_sides(&spans);
    assert_eq!(client.name, METHOD);
    assert_eq!(client.parent_span_id, SpanId::INVALID);
    assert_eq!(client.status, SpanStatus::Unset);
    assert_eq!(server.name, METHOD);
    assert_eq!(server.span_context.trace_id(), client.span_context.trace_id());
    assert_eq!(server.parent_span_id, client.span_context.span_id());
    assert_eq!(server.status, SpanStatus::Unset);

    let method = format!("rpc.method={METHOD}");
    let common = [
        method.as_str(),
        "rpc.response.status_code=OK",
        "rpc.system.name=grpc",
        "server.address=127.0.0.1",
    ];
    assert_eq!(attributes(client, &["server.port"]), common);
    assert_eq!(attributes(server, &["server.port", "client.address"]), common);
    for span in [client, server] {
        assert_eq!(attribute(span, "server.port"), Some(i64::from(address.port()).into()));
    }
}

#[tokio::test]
async fn a_method_that_a_client_made_up_names_no_span() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Code(Code::Ok))).await;
    let made_up = METHOD.replace("Export", "Exprot");
    let response = reqwest::get(format!("http://{address}/{made_up}")).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "12");
    let span = telemetry.spans(1).await.remove(0);
    assert_eq!(span.name, "grpc");
    assert_eq!(attribute(&span, "rpc.method"), Some("_OTHER".into()));
    assert_eq!(attribute(&span, "rpc.method_original"), Some(made_up.into()));
    assert_eq!(attribute(&span, "rpc.response.status_code"), Some("UNIMPLEMENTED".into()));
}

#[tokio::test]
async fn every_failure_is_the_clients_error_and_only_the_servers_own_is_the_servers() {
    for (code, name, server_error) in [
        (Code::InvalidArgument, "INVALID_ARGUMENT", false),
        (Code::NotFound, "NOT_FOUND", false),
        (Code::ResourceExhausted, "RESOURCE_EXHAUSTED", false),
        (Code::Internal, "INTERNAL", true),
        (Code::Unavailable, "UNAVAILABLE", true),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", true),
    ] {
        let telemetry = Telemetry::start();
        let address = serve(router(Answer::Code(code))).await;
        assert_eq!(call(address).await.unwrap_err().code(), code);

        let spans = telemetry.spans(2).await;
        let failed = SpanStatus::error("as told, 100%");
        let (client, server) = both_sides(&spans);
        assert_eq!(client.status, failed, "{name}");
        assert_eq!(attribute(client, "error.type"), Some(name.into()));
        assert_eq!(server.status, if server_error { failed } else { SpanStatus::Unset }, "{name}");
        assert_eq!(attribute(server, "error.type"), server_error.then(|| name.into()));
        for span in [client, server] {
            assert_eq!(attribute(span, "rpc.response.status_code"), Some(name.into()));
        }
    }
}

#[tokio::test]
async fn a_call_given_up_is_cancelled_on_both_sides() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Never)).await;
    let patience = std::time::Duration::from_millis(100);
    tokio::time::timeout(patience, call(address)).await.unwrap_err();
    for span in telemetry.spans(2).await {
        assert_eq!(attribute(&span, "rpc.response.status_code"), Some("CANCELLED".into()));
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_the_servers_error() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Panic)).await;
    call(address).await.unwrap_err();
    let spans = telemetry.spans(2).await;
    let (_, server) = both_sides(&spans);
    assert!(matches!(server.status, SpanStatus::Error { .. }), "{server:?}");
    assert_eq!(attribute(server, "error.type"), Some("panic".into()));
    assert_eq!(attribute(server, "rpc.response.status_code"), None);
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_is_an_error_by_its_http_status() {
    let telemetry = Telemetry::start();
    let address = serve(Router::new()).await;
    call(address).await.unwrap_err();
    let span = telemetry.spans(1).await.remove(0);
    assert_eq!(attribute(&span, "error.type"), Some("404".into()));
}

#[tokio::test]
async fn on_a_router_that_serves_both_a_request_is_one_server_span() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Code(Code::Ok))).await;
    reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(telemetry.spans(1).await[0].name, "GET /");
    call(address).await.unwrap();
    let spans = telemetry.spans(3).await;
    let servers = spans.iter().filter(|span| span.span_kind == SpanKind::Server);
    assert_eq!(servers.map(|span| span.name.as_ref()).collect::<Vec<_>>(), ["GET /", METHOD]);
}

#[tokio::test]
async fn a_health_check_makes_no_span() {
    let telemetry = Telemetry::start();
    let health = ServerLayer::new(&["shop.v1.Shop/Buy"]).layer(get(async || "SERVING"));
    let router = Router::new()
        .route_service("/grpc.health.v1.Health/Check", health.clone())
        .route_service("/shop.v1.Shop/Buy", health);
    let address = serve(router).await;
    for method in ["grpc.health.v1.Health/Check", "shop.v1.Shop/Buy"] {
        reqwest::get(format!("http://{address}/{method}")).await.unwrap();
    }
    assert_eq!(telemetry.spans(1).await[0].name, "shop.v1.Shop/Buy");
}

/// Calls a server that begins no trace, with such a header.
async fn call_continuing(telemetry: &Telemetry, traceparent: Option<&str>) -> Vec<SpanData> {
    let handler = get(async || {
        let below = info_span!(target: "shop", "below");
        let subscriber = dispatcher::get_default(Dispatch::clone);
        let further = move || below.in_scope(|| drop(info_span!(target: "shop", "further")));
        let thread = std::thread::spawn(move || dispatcher::with_default(&subscriber, further));
        thread.join().unwrap();
        "done"
    });
    let layer = ServerLayer::continuing(&["shop.v1.Shop/Buy"]);
    let router = Router::new().route_service("/shop.v1.Shop/Buy", layer.layer(handler));
    let address = serve(router).await;
    let mut request = reqwest::Client::new().get(format!("http://{address}/shop.v1.Shop/Buy"));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    request.send().await.unwrap().text().await.unwrap();
    // What is before this one has ended.
    telemetry.ended()
}

#[tokio::test]
async fn a_server_that_begins_no_trace_makes_spans_of_sampled_calls_and_what_is_below_alone() {
    let telemetry = Telemetry::continuing();
    drop(info_span!(target: "shop", "of nobody's call"));
    for traceparent in [
        None,
        Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
        Some("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        Some("none"),
    ] {
        let spans = call_continuing(&telemetry, traceparent).await;
        assert!(spans.is_empty(), "{traceparent:?}: {spans:?}");
    }
    let sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    call_continuing(&telemetry, Some(sampled)).await;
    let [further, below, server] = telemetry.spans(3).await.try_into().unwrap();
    assert_eq!((&*further.name, &*below.name), ("further", "below"));
    assert_eq!(server.name, "shop.v1.Shop/Buy");
    assert_eq!(server.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(below.parent_span_id, server.span_context.span_id());
    assert_eq!(further.parent_span_id, below.span_context.span_id());
}
