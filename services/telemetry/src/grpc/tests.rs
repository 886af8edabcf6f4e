//! Both sides over a real socket, by the one service whose code is at hand: OTLP's.

mod streams;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ::http::Uri;
use axum::body::{Body, Bytes};
use axum::routing::{any, get};
use axum::{Extension, Router};
use futures::stream;
use opentelemetry::trace::SpanKind;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_sdk::trace::SpanData;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tower::{Layer, ServiceExt, service_fn};
use tracing::{Dispatch, dispatcher, info_span};

use super::status::name;
use super::{ClientLayer, ServerLayer};
use crate::testing::{Telemetry, serve};
use crate::{SpanContext, http};

/// How long a test waits for what never comes.
const PATIENCE: Duration = Duration::from_millis(200);

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
        assert!(request.extensions().get::<SpanContext>().is_some_and(|span| span.is_valid()));
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

type Answered = Result<Response<ExportTraceServiceResponse>, Status>;

async fn call(address: SocketAddr) -> Answered {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    call_over(endpoint.connect_lazy(), endpoint.uri()).await
}

async fn call_over(channel: Channel, origin: &Uri) -> Answered {
    TraceServiceClient::with_origin(ClientLayer::default().layer(channel), origin.clone())
        .export(ExportTraceServiceRequest::default())
        .await
}

#[tokio::test]
async fn a_call_is_a_client_span_and_below_it_a_server_span() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Code(Code::Ok))).await;
    call(address).await.unwrap();

    let spans = telemetry.spans(2).await;
    assert_eq!(spans.iter().filter(|span| span.parent_span_is_remote).count(), 1);
    let tree = telemetry.tree().replace(&address.port().to_string(), "8000");
    let expected = format!(
        "\
client {METHOD}
  rpc.method = {METHOD}
  rpc.response.status_code = OK
  rpc.system.name = grpc
  server.address = 127.0.0.1
  server.port = 8000
  server {METHOD}
    client.address = 127.0.0.1
    rpc.method = {METHOD}
    rpc.response.status_code = OK
    rpc.system.name = grpc
    server.address = 127.0.0.1
    server.port = 8000
"
    );
    assert_eq!(tree, expected);
}

#[tokio::test]
async fn a_method_that_a_client_made_up_names_no_span() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Code(Code::Ok))).await;
    let made_up = METHOD.replace("Export", "Exprot");
    let response = reqwest::get(format!("http://{address}/{made_up}")).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "12");
    telemetry
        .expect(&format!(
            "
            server grpc
              rpc.method = _OTHER
              rpc.method_original = {made_up}
              rpc.response.status_code = UNIMPLEMENTED
              status: error*
            "
        ))
        .await;
}

/// Serves this answer as that of the method, and of whatever else is asked for.
async fn serve_answer(
    answer: impl Fn() -> ::http::Response<Body> + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let service = ServerLayer::new(&[METHOD]).layer(any(async move || answer()));
    serve(Router::new().route_service("/{*method}", service)).await
}

#[tokio::test]
async fn what_a_peer_sends_too_much_of_is_cut_off() {
    let telemetry = Telemetry::start();
    let long = "x".repeat(10_000);
    let message = long.clone();
    let answer = move || {
        let answer = ::http::Response::builder().header("grpc-status", "13");
        answer.header("grpc-message", &message).body(Body::empty()).unwrap()
    };
    let address = serve_answer(answer).await;
    reqwest::get(format!("http://{address}/{long}")).await.unwrap();
    call(address).await.unwrap_err();
    let cut = &long[..1_024];
    telemetry
        .expect(&format!(
            "
            server grpc
              rpc.method_original = {cut}
              status: error {cut}
            client {METHOD}
              status: error {cut}
              server {METHOD}
                status: error {cut}
            "
        ))
        .await;
}

#[tokio::test]
async fn an_answer_that_ends_without_a_status_is_an_error_of_both_sides() {
    for is_known_to_be_empty in [true, false] {
        let telemetry = Telemetry::start();
        let address = serve_answer(move || {
            let nothing = stream::empty::<std::io::Result<Bytes>>();
            let empty =
                if is_known_to_be_empty { Body::empty() } else { Body::from_stream(nothing) };
            ::http::Response::new(empty)
        });
        assert_eq!(call(address.await).await.unwrap_err().code(), Code::Unknown);
        let error = "status: error the answer ended without a status";
        telemetry
            .expect(&format!(
                "
                client {METHOD}
                  error.type = UNKNOWN
                  rpc.response.status_code = UNKNOWN
                  {error}
                  server {METHOD}
                    error.type = UNKNOWN
                    rpc.response.status_code = UNKNOWN
                    {error}
                "
            ))
            .await;
    }
}

/// Checks that the caller is told this code, and that the one span says the same.
fn assert_told(telemetry: &Telemetry, answered: Answered, code: Code) {
    assert_eq!(answered.unwrap_err().code(), code);
    let name = name(code);
    telemetry.assert(&format!(
        "
        client {METHOD}
          error.type = {name}
          rpc.response.status_code = {name}
          status: error *
        "
    ));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let telemetry = Telemetry::start();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_told(&telemetry, call(closed).await, Code::Unavailable);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_unavailable_and_no_deadline_of_the_call() {
    let telemetry = Telemetry::start();
    let endpoint = Endpoint::from_static("http://127.0.0.1");
    // As the system tells of it, after minutes; the connection that would be is of any type.
    let unanswered = service_fn(async |_: Uri| {
        Err::<hyper::upgrade::Upgraded, _>(io::Error::from(io::ErrorKind::TimedOut))
    });
    let channel = endpoint.connect_with_connector_lazy(unanswered);
    let answered = call_over(channel, endpoint.uri()).await;
    assert_told(&telemetry, answered, Code::Unavailable);
}

#[tokio::test]
async fn a_peer_that_answers_no_pings_is_unavailable() {
    let telemetry = Telemetry::start();
    let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{}", hole.local_addr().unwrap())).unwrap();
    let endpoint = endpoint.http2_keep_alive_interval(PATIENCE).keep_alive_timeout(PATIENCE);
    let answered = call_over(endpoint.connect_lazy(), endpoint.uri()).await;
    assert_told(&telemetry, answered, Code::Unavailable);
}

/// Serves HTTP/2 on one connection, and resets each stream for this reason.
async fn serve_reset(reason: h2::Reason) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        while let Some(Ok((_, mut answer))) = connection.accept().await {
            answer.send_reset(reason);
        }
    });
    address
}

#[tokio::test]
async fn a_stream_that_is_reset_has_the_status_that_its_caller_is_told() {
    for (reason, code) in [
        (h2::Reason::REFUSED_STREAM, Code::Unavailable),
        (h2::Reason::CANCEL, Code::Cancelled),
        (h2::Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
        (h2::Reason::INTERNAL_ERROR, Code::Internal),
        (h2::Reason::HTTP_1_1_REQUIRED, Code::Unknown),
    ] {
        let telemetry = Telemetry::start();
        assert_told(&telemetry, call(serve_reset(reason).await).await, code);
    }
}

#[tokio::test]
async fn an_error_that_tells_no_status_is_unknown() {
    let telemetry = Telemetry::start();
    let torn = service_fn(async |_: ::http::Request<Body>| {
        Err::<::http::Response<Body>, _>(std::io::Error::other("torn"))
    });
    let request = ::http::Request::post(format!("http://127.0.0.1/{METHOD}"));
    let request = request.body(Body::empty()).unwrap();
    ClientLayer::default().layer(torn).oneshot(request).await.unwrap_err();
    telemetry.assert(&format!(
        "
        client {METHOD}
          error.type = UNKNOWN
          rpc.response.status_code = UNKNOWN
          status: error torn
        "
    ));
}

#[tokio::test]
async fn every_failure_is_the_clients_error_and_only_the_servers_own_is_the_servers() {
    let failed = "status: error as told, 100%";
    for (code, name, server) in [
        (Code::InvalidArgument, "INVALID_ARGUMENT", "absent: error.type"),
        (Code::NotFound, "NOT_FOUND", "absent: error.type"),
        (Code::ResourceExhausted, "RESOURCE_EXHAUSTED", "absent: error.type"),
        (Code::Internal, "INTERNAL", failed),
        (Code::Unavailable, "UNAVAILABLE", failed),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", failed),
    ] {
        let telemetry = Telemetry::start();
        let address = serve(router(Answer::Code(code))).await;
        assert_eq!(call(address).await.unwrap_err().code(), code);
        telemetry
            .expect(&format!(
                "
                client {METHOD}
                  error.type = {name}
                  rpc.response.status_code = {name}
                  {failed}
                  server {METHOD}
                    rpc.response.status_code = {name}
                    {server}
                "
            ))
            .await;
    }
}

#[tokio::test]
async fn a_call_given_up_is_cancelled_on_both_sides() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Never)).await;
    tokio::time::timeout(PATIENCE, call(address)).await.unwrap_err();
    telemetry
        .expect(&format!(
            "
            client {METHOD}
              rpc.response.status_code = CANCELLED
              status: error the call was given up
              server {METHOD}
                rpc.response.status_code = CANCELLED
            "
        ))
        .await;
}

#[tokio::test]
async fn a_clients_timeout_is_a_deadline_exceeded() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Never)).await;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap().timeout(PATIENCE);
    let channel = ClientLayer::default().layer(endpoint.connect_lazy());
    let mut client = TraceServiceClient::with_origin(channel, endpoint.uri().clone());
    client.export(ExportTraceServiceRequest::default()).await.unwrap_err();
    // The server was told of no deadline.
    telemetry
        .expect(&format!(
            "
            client {METHOD}
              error.type = DEADLINE_EXCEEDED
              rpc.response.status_code = DEADLINE_EXCEEDED
              status: error *
              server {METHOD}
                rpc.response.status_code = CANCELLED
            "
        ))
        .await;
}

#[tokio::test]
async fn a_call_that_the_server_ends_at_its_deadline_is_a_deadline_exceeded() {
    let telemetry = Telemetry::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder()
        .accept_http1(true)
        .layer(ServerLayer::new(&[METHOD]))
        .add_service(TraceServiceServer::new(Answer::Never))
        .serve_with_incoming(tonic::transport::server::TcpIncoming::from(listener));
    tokio::spawn(server);
    // Not tonic's client, which would end the call by itself.
    let request = reqwest::Client::new()
        .post(format!("http://{address}/{METHOD}"))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "50m")
        .body(vec![0; 5]);
    request.send().await.unwrap();
    telemetry
        .expect(&format!(
            "
            server {METHOD}
              error.type = DEADLINE_EXCEEDED
              rpc.response.status_code = DEADLINE_EXCEEDED
              status: error the deadline is over
            "
        ))
        .await;
}

#[tokio::test]
async fn a_handler_that_panics_is_the_servers_error() {
    let telemetry = Telemetry::start();
    let address = serve(router(Answer::Panic)).await;
    let told = name(call(address).await.unwrap_err().code());
    telemetry
        .expect(&format!(
            "
            client {METHOD}
              rpc.response.status_code = {told}
              status: error *
              server {METHOD}
                error.type = panic
                absent: rpc.response.status_code
                status: error *
            "
        ))
        .await;
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_is_an_error_by_its_http_status() {
    let telemetry = Telemetry::start();
    let address = serve(Router::new()).await;
    call(address).await.unwrap_err();
    telemetry.assert(&format!(
        "
        client {METHOD}
          error.type = 404
          status: error not a gRPC response
        "
    ));
}

#[tokio::test]
async fn metadata_that_is_listed_is_recorded_on_both_sides() {
    let telemetry = Telemetry::start();
    let names = || ["grpc-encoding", "traceparent", "x-id"].map(::http::HeaderName::from_static);
    let service = ServerLayer::new(&[METHOD])
        .capture_request_headers(names())
        .capture_response_headers([::http::header::CONTENT_TYPE])
        .layer(TraceServiceServer::new(Answer::Code(Code::Ok)));
    let path = format!("/{METHOD}");
    let address = serve(Router::new().route_service(&path, service)).await;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = ClientLayer::default()
        .capture_request_headers(names())
        .capture_response_headers([::http::header::CONTENT_TYPE])
        .layer(endpoint.connect_lazy());
    let mut request = Request::new(ExportTraceServiceRequest::default());
    request.metadata_mut().insert("x-id", "7".parse().unwrap());
    TraceServiceClient::with_origin(channel, endpoint.uri().clone()).export(request).await.unwrap();

    let spans = telemetry.spans(2).await;
    let client = spans.iter().find(|span| span.span_kind == SpanKind::Client).unwrap();
    let ids = &client.span_context;
    let sent = format!("00-{}-{}-01", ids.trace_id(), ids.span_id());
    telemetry.assert(&format!(
        "
        client {METHOD}
          absent: rpc.request.metadata.grpc-encoding
          rpc.request.metadata.traceparent = [\"{sent}\"]
          rpc.request.metadata.x-id = [\"7\"]
          rpc.response.metadata.content-type = [\"application/grpc\"]
          server {METHOD}
            rpc.request.metadata.traceparent = [\"{sent}\"]
            rpc.request.metadata.x-id = [\"7\"]
            rpc.response.metadata.content-type = [\"application/grpc\"]
        "
    ));
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

#[tokio::test]
async fn what_a_browser_asks_before_a_call_is_none_and_a_status_within_the_body_no_failure() {
    let telemetry = Telemetry::start();
    let answer = || {
        let answer = ::http::Response::builder();
        let answer = answer.header("content-type", "application/grpc-web+proto");
        answer.body(Body::from("\u{80}\0\0\0\u{f}grpc-status:0\r\n")).unwrap()
    };
    let url = format!("http://{}/{METHOD}", serve_answer(answer).await);
    for method in [reqwest::Method::OPTIONS, reqwest::Method::POST] {
        reqwest::Client::new().request(method, &url).send().await.unwrap().bytes().await.unwrap();
    }
    telemetry
        .expect(&format!(
            "
            server {METHOD}
              absent: error.type
              absent: rpc.response.status_code
            "
        ))
        .await;
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

#[tokio::test]
async fn below_a_call_that_is_no_span_another_is_none_and_tells_of_the_caller() {
    let telemetry = Telemetry::continuing();
    let next = get(async |headers: ::http::HeaderMap| {
        let name = |name| headers.get(name).map_or("", |it| it.to_str().unwrap()).to_owned();
        format!("{} {}", name("traceparent"), name("baggage"))
    });
    let next = serve(Router::new().route("/", next)).await;
    let handler = get(async move || {
        let request = reqwest::Client::new().get(format!("http://{next}/")).build().unwrap();
        let client = http::Client::new(reqwest::Client::new());
        client.execute(request).await.unwrap().text().await.unwrap()
    });
    let router = Router::new()
        .route("/", handler.clone())
        .layer(http::ServerLayer::default())
        .route_service("/{*method}", ServerLayer::continuing(&[METHOD]).layer(handler));
    let address = serve(router).await;
    let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    for path in ["", METHOD] {
        for traceparent in ["", unsampled] {
            let request = reqwest::Client::new()
                .get(format!("http://{address}/{path}"))
                .header("traceparent", traceparent)
                .header("baggage", "tier=gold");
            let told = request.send().await.unwrap().text().await.unwrap();
            assert_eq!(told, format!("{traceparent} tier=gold"), "/{path}");
        }
    }
    assert!(telemetry.ended().is_empty(), "{}", telemetry.tree());
}

#[tokio::test]
async fn below_a_call_that_is_a_span_one_is_begun_by_hand_wherever() {
    let telemetry = Telemetry::continuing();
    let handler = get(async |Extension(span): Extension<SpanContext>| {
        let subscriber = dispatcher::get_default(Dispatch::clone);
        let child = move || drop(span.child("elsewhere"));
        std::thread::spawn(move || dispatcher::with_default(&subscriber, child)).join().unwrap();
    });
    let layer = ServerLayer::continuing(&[METHOD]);
    let router = Router::new().route_service(&format!("/{METHOD}"), layer.layer(handler));
    let address = serve(router).await;
    let request = reqwest::Client::new()
        .get(format!("http://{address}/{METHOD}"))
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    request.send().await.unwrap();
    let tree = format!(
        "
        server {METHOD}
          status: error *
          internal elsewhere
        "
    );
    telemetry.expect(&tree).await;
}
