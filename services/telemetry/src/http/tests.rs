//! Both sides over a real socket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use futures::StreamExt;
use futures::stream::poll_fn;
use http::StatusCode;
use opentelemetry::trace::{SpanContext, SpanId, Status};
use reqwest::Url;
use tracing::info;

use super::{Client, ServerLayer};
use crate::testing::{Telemetry, attribute, attributes, both_sides, serve};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn router() -> Router {
    Router::new()
        .route("/items/{id}", any(async || "an item"))
        .route("/healthz", get(async || "ok"))
        .route(
            "/context",
            get(async |Extension(span): Extension<SpanContext>| {
                format!("{}-{}", span.trace_id(), span.span_id())
            }),
        )
        .route(
            "/headers",
            get(async |headers: http::HeaderMap| {
                let name = |name: &str| headers[name].to_str().unwrap().to_owned();
                Json([name("traceparent"), name("tracestate"), name("baggage")])
            }),
        )
        .route("/unavailable", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/never", get(std::future::pending::<()>))
        .route(
            "/panic",
            get(async || {
                if true {
                    panic!("as told")
                }
            }),
        )
        .route("/panic_in_body", get(async || Body::from_stream(poll_fn(panicking_frame))))
        .layer(ServerLayer::default())
}

fn panicking_frame(_context: &mut Context<'_>) -> Poll<Option<std::io::Result<Bytes>>> {
    panic!("as told")
}

fn client() -> Client {
    Client::new(reqwest::Client::new())
}

async fn send(address: SocketAddr, path: &str) -> reqwest::Response {
    let url: Url = format!("http://{address}{path}").parse().unwrap();
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    client().execute(request).await.unwrap()
}

#[tokio::test]
async fn a_call_is_a_client_span_and_below_it_a_server_span() {
    let telemetry = Telemetry::start();
    let address = serve(router()).await;

    let response = send(address, "/items/7?colour=red&sig=abc").await;
    assert_eq!(response.url().path(), "/items/7");
    assert_eq!(response.text().await.unwrap(), "an item");

    let spans = telemetry.spans(2).await;
    let (client, server) = both_sides(&spans);
    assert_eq!(client.name, "GET");
    assert_eq!(client.parent_span_id, SpanId::INVALID);
    assert_eq!(client.status, Status::Unset);
    let port = address.port();
    assert_eq!(
        attributes(client, &["server.port", "url.full"]),
        ["http.request.method=GET", "http.response.status_code=200", "server.address=127.0.0.1"]
    );
    assert_eq!(attribute(client, "server.port"), Some(i64::from(port).into()));
    let url = format!("http://127.0.0.1:{port}/items/7?colour=red&sig=REDACTED");
    assert_eq!(attribute(client, "url.full"), Some(url.into()));

    assert_eq!(server.name, "GET /items/{id}");
    assert_eq!(server.span_context.trace_id(), client.span_context.trace_id());
    assert_eq!(server.parent_span_id, client.span_context.span_id());
    assert!(server.parent_span_is_remote);
    assert_eq!(server.status, Status::Unset);
    assert_eq!(
        attributes(server, &["server.port"]),
        [
            "client.address=127.0.0.1",
            "http.request.method=GET",
            "http.response.status_code=200",
            "http.route=/items/{id}",
            "network.protocol.version=1.1",
            "server.address=127.0.0.1",
            "url.path=/items/7",
            "url.query=colour=red&sig=REDACTED",
            "url.scheme=http",
        ]
    );
}

#[tokio::test]
async fn a_missing_page_is_the_clients_error_and_a_failure_is_both_sides_error() {
    for (path, code, server_error) in [("/nowhere", "404", false), ("/unavailable", "503", true)] {
        let telemetry = Telemetry::start();
        send(serve(router()).await, path).await;
        let spans = telemetry.spans(2).await;
        let (client, server) = both_sides(&spans);
        assert_eq!(client.status, Status::error(""), "{code}");
        assert_eq!(attribute(client, "error.type"), Some(code.into()));
        if server_error {
            assert_eq!(server.status, Status::error(""));
            assert_eq!(attribute(server, "error.type"), Some(code.into()));
        } else {
            assert_eq!(server.status, Status::Unset);
            assert_eq!(attribute(server, "error.type"), None);
            assert_eq!(server.name, "GET", "there is no route to name it by");
        }
    }
}

#[tokio::test]
async fn a_method_that_a_client_made_up_names_no_span() {
    let telemetry = Telemetry::start();
    let url: Url = format!("http://{}/items/7", serve(router()).await).parse().unwrap();
    let request = reqwest::Request::new("BREW".parse().unwrap(), url);
    client().execute(request).await.unwrap();
    let spans = telemetry.spans(2).await;
    let (client, server) = both_sides(&spans);
    assert_eq!(client.name, "HTTP");
    assert_eq!(server.name, "HTTP /items/{id}");
    assert_eq!(attribute(server, "http.request.method"), Some("_OTHER".into()));
    assert_eq!(attribute(server, "http.request.method_original"), Some("BREW".into()));
}

#[tokio::test]
async fn a_health_check_makes_no_span_but_the_want_of_one_does() {
    let telemetry = Telemetry::start();
    let address = serve(router()).await;
    let health = reqwest::get(format!("http://{address}/healthz")).await.unwrap();
    assert_eq!(health.text().await.unwrap(), "ok");
    reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    let span = telemetry.spans(1).await.remove(0);
    assert_eq!(attribute(&span, "url.path"), Some("/metrics".into()));
    assert_eq!(attribute(&span, "http.response.status_code"), Some(404.into()));
}

#[tokio::test]
async fn a_handler_finds_its_spans_ids_among_the_extensions() {
    let telemetry = Telemetry::start();
    let address = serve(router()).await;
    let ids =
        reqwest::get(format!("http://{address}/context")).await.unwrap().text().await.unwrap();
    let span = telemetry.spans(1).await.remove(0).span_context;
    assert_eq!(ids, format!("{}-{}", span.trace_id(), span.span_id()));
}

#[tokio::test]
async fn trace_state_baggage_and_a_decision_not_to_sample_go_on_to_the_next_service() {
    for sampled in [true, false] {
        let telemetry = Telemetry::start();
        let next = serve(router()).await;
        let first = Router::new()
            .route(
                "/",
                get(async move || {
                    info!("asking the next service");
                    send(next, "/headers").await.text().await.unwrap()
                }),
            )
            .layer(ServerLayer::default());
        let address = serve(first).await;
        let traceparent = TRACEPARENT.replace("-01", if sampled { "-01" } else { "-00" });
        let request = reqwest::Client::new()
            .get(format!("http://{address}/"))
            .header("traceparent", &traceparent)
            .header("tracestate", "vendor=1")
            .header("baggage", "user=alice");
        let answer: [String; 3] = request.send().await.unwrap().json().await.unwrap();

        let [next_parent, state, baggage] = answer;
        assert_eq!(next_parent[..36], traceparent[..36], "the trace id stays");
        assert_ne!(next_parent[36..52], traceparent[36..52], "the parent is a span of ours");
        assert_eq!(next_parent[52..], traceparent[52..], "the sampling decision stays");
        assert_eq!((state.as_str(), baggage.as_str()), ("vendor=1", "user=alice"));
        let line = &telemetry.log_lines()[0];
        assert!(line.contains("trace_id=0af7651916cd43dd8448eb211c80319c"), "{line}");
        if sampled {
            let spans = telemetry.spans(3).await;
            let (client, _) = both_sides(&spans);
            assert_eq!(next_parent[36..52], client.span_context.span_id().to_string());
        } else {
            assert!(telemetry.ended().is_empty());
        }
    }
}

#[tokio::test]
async fn a_call_that_finds_nobody_is_an_error_that_tells_the_cause_but_not_the_url() {
    let telemetry = Telemetry::start();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url: Url = format!("http://me:secret@{closed}/?sig=secret").parse().unwrap();
    client().execute(reqwest::Request::new(reqwest::Method::GET, url)).await.unwrap_err();
    let span = telemetry.spans(1).await.remove(0);
    let Status::Error { description } = &span.status else { panic!("{span:?}") };
    assert!(description.contains("refused"), "{description}");
    assert!(!description.contains("http://"), "{description}");
    assert!(!format!("{span:?}").contains("secret"), "{span:?}");
    assert_eq!(attribute(&span, "error.type"), Some("reqwest::error::Error".into()));
}

#[tokio::test]
async fn a_call_given_up_is_cancelled_on_both_sides_and_the_clients_error() {
    let telemetry = Telemetry::start();
    let address = serve(router()).await;
    tokio::time::timeout(Duration::from_millis(100), send(address, "/never")).await.unwrap_err();
    let spans = telemetry.spans(2).await;
    let (client, server) = both_sides(&spans);
    assert_eq!(client.status, Status::error("the call was given up"));
    assert_eq!(server.status, Status::Unset);
    for span in [client, server] {
        assert_eq!(attribute(span, "error.type"), Some("cancelled".into()));
        assert_eq!(attribute(span, "http.response.status_code"), None);
    }
}

#[tokio::test]
async fn a_handler_or_a_body_that_panics_is_the_servers_error() {
    for path in ["/panic", "/panic_in_body"] {
        let telemetry = Telemetry::start();
        let address = serve(router()).await;
        let answer = async { reqwest::get(format!("http://{address}{path}")).await?.text().await };
        answer.await.unwrap_err();
        let span = telemetry.spans(1).await.remove(0);
        assert!(matches!(span.status, Status::Error { .. }), "{path}: {span:?}");
        assert_eq!(attribute(&span, "error.type"), Some("panic".into()), "{path}");
    }
}

#[tokio::test]
async fn a_span_lasts_until_its_body_has_ended() {
    let telemetry = Telemetry::start();
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<&str, std::io::Error>>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let body = move || Body::from_stream(receiver.lock().unwrap().take().unwrap());
    let router = Router::new().route("/", get(async move || body())).layer(ServerLayer::default());
    let address = serve(router).await;

    sender.unbounded_send(Ok("first")).unwrap();
    let response = send(address, "/").await;
    let mut body = http_body_util::BodyStream::new(reqwest::Body::from(response));
    body.next().await.unwrap().unwrap();
    assert!(telemetry.ended().is_empty(), "more is to come");
    drop(sender);
    assert!(body.next().await.is_none());
    telemetry.spans(2).await;
}
