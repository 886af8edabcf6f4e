//! Both sides over a real socket.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use futures::stream::{self, poll_fn};
use futures::{FutureExt, StreamExt};
use http::{HeaderName, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use opentelemetry::trace::{SpanKind, Status};
use reqwest::Url;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tracing::{Instrument, info, info_span};

use super::{Client, ClientLayer, ResendCount, ServerLayer};
use crate::SpanContext;
use crate::testing::{Telemetry, attribute, serve};

/// How long a test waits for what never comes.
const PATIENCE: Duration = Duration::from_millis(100);

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
        .route("/stalls", get(async || stalling()))
        .route("/stalls_when_sent", get(async || ([(header::CONTENT_LENGTH, 5)], stalling())))
        .route("/stalls_when_known", get(async || Body::new(Known(Some(Bytes::from("begun"))))))
        .layer(ServerLayer::default())
}

fn begun() -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send {
    stream::iter([Ok(Bytes::from_static(b"begun"))])
}

fn stalling() -> Body {
    Body::from_stream(begun().chain(stream::pending()))
}

/// A body that tells its length, and not that it has ended.
struct Known(Option<Bytes>);

impl http_body::Body for Known {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |data| Poll::Ready(Some(Ok(Frame::data(data)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |data| data.len() as u64))
    }
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
    assert!(spans.iter().all(|span| span.parent_span_is_remote == (span.name != "GET")));
    let tree = telemetry.tree().replace(&address.port().to_string(), "8000");
    let expected = "\
client GET
  http.request.method = GET
  http.response.status_code = 200
  server.address = 127.0.0.1
  server.port = 8000
  url.full = http://127.0.0.1:8000/items/7?colour=red&sig=REDACTED
  server GET /items/{id}
    client.address = 127.0.0.1
    http.request.method = GET
    http.response.status_code = 200
    http.route = /items/{id}
    network.protocol.version = 1.1
    server.address = 127.0.0.1
    server.port = 8000
    url.path = /items/7
    url.query = colour=red&sig=REDACTED
    url.scheme = http
";
    assert_eq!(tree, expected);
}

#[tokio::test]
async fn a_request_that_is_sent_again_tells_for_which_time() {
    let telemetry = Telemetry::start();
    let address = serve(router()).await;
    for count in [0, 1, 2] {
        let request = http::Request::get(format!("http://{address}/items/7"))
            .extension(ResendCount(count))
            .body(reqwest::Body::default())
            .unwrap();
        client().execute(request.try_into().unwrap()).await.unwrap().bytes().await.unwrap();
        let spans = telemetry.spans(2 * (count as usize + 1)).await;
        let expected = (count > 0).then(|| i64::from(count).into());
        let client = spans.iter().rfind(|span| span.span_kind == SpanKind::Client).unwrap();
        assert_eq!(attribute(client, "http.request.resend_count"), expected);
    }
}

#[tokio::test]
async fn a_missing_page_is_the_clients_error_and_a_failure_is_both_sides_error() {
    for (path, tree) in [
        (
            "/nowhere",
            "
            client GET
              error.type = 404
              status: error
              server GET
                http.response.status_code = 404
                absent: error.type
            ",
        ),
        (
            "/unavailable",
            "
            client GET
              error.type = 503
              status: error
              server GET /unavailable
                error.type = 503
                status: error
            ",
        ),
    ] {
        let telemetry = Telemetry::start();
        send(serve(router()).await, path).await;
        telemetry.expect(tree).await;
    }
}

#[tokio::test]
async fn a_method_that_a_client_made_up_names_no_span() {
    let telemetry = Telemetry::start();
    let url: Url = format!("http://{}/items/7", serve(router()).await).parse().unwrap();
    let request = reqwest::Request::new("BREW".parse().unwrap(), url);
    client().execute(request).await.unwrap();
    telemetry
        .expect(
            "
            client HTTP
              http.request.method = _OTHER
              http.request.method_original = BREW
              server HTTP /items/{id}
                http.request.method = _OTHER
                http.request.method_original = BREW
            ",
        )
        .await;
}

#[tokio::test]
async fn what_a_client_sends_too_much_of_is_cut_off() {
    let telemetry = Telemetry::start();
    let long = "x".repeat(10_000);
    let request = reqwest::Client::new()
        .request(long.parse().unwrap(), format!("http://{}/{long}?{long}", serve(router()).await))
        .header(header::HOST, &long)
        .header(header::USER_AGENT, &long);
    request.send().await.unwrap();
    let (text, name) = (&long[..1_024], &long[..256]);
    let path = &text[1..];
    telemetry
        .expect(&format!(
            "
            server HTTP
              http.request.method_original = {name}
              server.address = {name}
              url.path = /{path}
              url.query = {text}
              user_agent.original = {name}
            "
        ))
        .await;
}

#[tokio::test]
async fn a_health_check_makes_no_span_whether_a_router_knows_it_or_not() {
    let telemetry = Telemetry::start();
    let address = serve(router()).await;
    for path in ["/healthz", "/metrics", "/items/readyz"] {
        reqwest::get(format!("http://{address}{path}")).await.unwrap();
    }
    let ok = tower::service_fn(async |_: http::Request<Body>| {
        Ok::<_, Infallible>(http::Response::new(Body::empty()))
    });
    for path in ["/readyz", "/nowhere"] {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        ServerLayer::default().layer(ok).oneshot(request).await.unwrap();
    }
    telemetry
        .expect(
            "
            server GET /items/{id}
            server GET
              url.path = /nowhere
            ",
        )
        .await;
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
            let client = spans.iter().find(|span| span.span_kind == SpanKind::Client).unwrap();
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
    tokio::time::timeout(PATIENCE, send(address, "/never")).await.unwrap_err();
    telemetry
        .expect(
            "
            client GET
              error.type = cancelled
              absent: http.response.status_code
              status: error the call was given up
              server GET /never
                error.type = cancelled
                absent: http.response.status_code
            ",
        )
        .await;
}

#[tokio::test]
async fn a_call_given_up_within_its_body_is_cancelled_on_both_sides() {
    let telemetry = Telemetry::start();
    let mut response = send(serve(router()).await, "/stalls").await;
    assert_eq!(response.chunk().await.unwrap().unwrap(), "begun");
    drop(response);
    telemetry
        .expect(
            "
            client GET
              error.type = cancelled
              http.response.status_code = 200
              status: error the call was given up
              server GET /stalls
                error.type = cancelled
                http.response.status_code = 200
            ",
        )
        .await;
}

#[tokio::test]
async fn a_call_whose_body_was_all_read_or_not_at_all_is_not_given_up() {
    let paths = ["/stalls_when_sent", "/stalls_when_known"];
    for (path, is_read) in paths.into_iter().flat_map(|path| [(path, true), (path, false)]) {
        let telemetry = Telemetry::start();
        let mut response = send(serve(router()).await, path).await;
        if is_read {
            assert_eq!(response.chunk().await.unwrap().unwrap(), "begun");
        }
        drop(response);
        telemetry
            .expect(&format!(
                "
                client GET
                  absent: error.type
                  server GET {path}
                    absent: error.type
                "
            ))
            .await;
    }
}

#[tokio::test]
async fn a_clients_timeout_is_told_before_the_head_and_within_the_body() {
    for (path, code) in [("/never", "absent: http.response.status_code"), ("/stalls", STATUS_200)] {
        let telemetry = Telemetry::start();
        let url: Url = format!("http://{}{path}", serve(router()).await).parse().unwrap();
        let impatient = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        let answer = async { Client::new(impatient).execute(request).await?.text().await };
        assert!(answer.await.unwrap_err().is_timeout());
        telemetry
            .expect(&format!(
                "
                client GET
                  error.type = timeout
                  {code}
                  status: error *
                  server GET {path}
                    error.type = cancelled
                "
            ))
            .await;
    }
}

const STATUS_200: &str = "http.response.status_code = 200";

/// tower's error is a box, which is no error itself.
#[derive(Debug)]
struct Failure(tower::BoxError);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

#[tokio::test]
async fn a_timeout_of_a_tower_service_below_the_layer_is_told() {
    let telemetry = Telemetry::start();
    let never = tower::service_fn(async |_: http::Request<Body>| {
        std::future::pending::<std::io::Result<http::Response<Body>>>().await
    });
    let mut service = ServiceBuilder::new()
        .layer(ClientLayer::default())
        .map_err(Failure)
        .layer(tower::timeout::TimeoutLayer::new(PATIENCE))
        .service(never);
    let request = http::Request::get("http://127.0.0.1:8000/").body(Body::empty()).unwrap();
    service.ready().await.unwrap().call(request).await.unwrap_err();
    telemetry.assert(
        "
        client GET
          error.type = timeout
          status: error request timed out*
        ",
    );
}

#[tokio::test]
async fn a_handler_or_a_body_that_panics_is_the_servers_error() {
    for path in ["/panic", "/panic_in_body"] {
        let telemetry = Telemetry::start();
        let address = serve(router()).await;
        let answer = async { reqwest::get(format!("http://{address}{path}")).await?.text().await };
        answer.await.unwrap_err();
        telemetry
            .expect(&format!(
                "
                server GET {path}
                  error.type = panic
                  status: error *
                "
            ))
            .await;
    }
}

#[tokio::test]
async fn a_panic_is_told_where_it_was_caught_above() {
    for panics_at_once in [true, false] {
        let telemetry = Telemetry::start();
        let service = tower::service_fn(async |_: http::Request<Body>| {
            assert!(!panics_at_once, "as told");
            let body = Body::from_stream(poll_fn(panicking_frame));
            Ok::<_, Infallible>(http::Response::new(body))
        });
        let request = http::Request::get("/").body(Body::empty()).unwrap();
        // No block around them, which would drop them before the panic is caught.
        let answer = ServerLayer::default().layer(service).oneshot(request);
        if let Ok(answer) = AssertUnwindSafe(answer).catch_unwind().await {
            let body = answer.unwrap().collect();
            AssertUnwindSafe(body).catch_unwind().await.unwrap_err();
        }
        telemetry.assert(
            "
            server GET
              error.type = panic
              status: error the code of the call panicked
            ",
        );
    }
}

#[tokio::test]
async fn a_panic_before_there_is_a_future_is_told_too() {
    let telemetry = Telemetry::start();
    type Answer = Result<http::Response<Body>, Infallible>;
    let panics = tower::service_fn(|_: http::Request<Body>| -> std::future::Ready<Answer> {
        panic!("as told")
    });
    let mut service = ServerLayer::default().layer(panics);
    let request = http::Request::get("/").body(Body::empty()).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| service.call(request))).is_err());
    telemetry.assert(
        "
        server GET
          error.type = panic
          status: error the code of the call panicked
        ",
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_by_anothers_panic_is_given_up() {
    let telemetry = Telemetry::start();
    let never = tower::service_fn(async |_: http::Request<Body>| {
        std::future::pending::<Result<http::Response<Body>, Infallible>>().await
    });
    let service = ClientLayer::default().layer(never);
    let caller = async {
        let request = http::Request::get("http://127.0.0.1/").body(Body::empty()).unwrap();
        let call = pin!(service.oneshot(request));
        assert!(futures::poll!(call).is_pending());
        panic!("as told");
    };
    AssertUnwindSafe(caller).catch_unwind().await.unwrap_err();
    telemetry.assert(
        "
        client GET
          error.type = cancelled
          status: error the call was given up
        ",
    );
}

#[tokio::test]
async fn a_header_that_is_listed_is_recorded_on_both_sides_and_a_credential_is_not() {
    let telemetry = Telemetry::start();
    let names = || {
        let own = [HeaderName::from_static("traceparent"), HeaderName::from_static("x-id")];
        own.into_iter().chain([header::AUTHORIZATION, header::CONTENT_TYPE])
    };
    let layer = ServerLayer::default();
    let app = Router::new()
        .route("/", get(async || ([("x-id", "answered")], "an item")))
        .layer(layer.capture_request_headers(names()).capture_response_headers(names()));
    let layer = ClientLayer::default();
    let layer = layer.capture_request_headers(names()).capture_response_headers(names());
    let client = Client::with_layer(reqwest::Client::new(), &layer);

    let url: Url = format!("http://{}/", serve(app).await).parse().unwrap();
    let mut request = reqwest::Request::new(reqwest::Method::GET, url);
    request.headers_mut().insert(header::AUTHORIZATION, "Bearer secret".parse().unwrap());
    request.headers_mut().append("x-id", "first".parse().unwrap());
    request.headers_mut().append("x-id", "second".parse().unwrap());
    client.execute(request).await.unwrap();

    let spans = telemetry.spans(2).await;
    let client = spans.iter().find(|span| span.span_kind == SpanKind::Client).unwrap();
    let ids = &client.span_context;
    let sent = format!("00-{}-{}-01", ids.trace_id(), ids.span_id());
    telemetry.assert(&format!(
        "
        client GET
          http.request.header.traceparent = [\"{sent}\"]
          http.request.header.x-id = [\"first\",\"second\"]
          http.response.header.content-type = [\"text/plain; charset=utf-8\"]
          http.response.header.x-id = [\"answered\"]
          absent: http.request.header.authorization
          absent: http.request.header.content-type
          server GET /
            http.request.header.traceparent = [\"{sent}\"]
            http.request.header.x-id = [\"first\",\"second\"]
            http.response.header.content-type = [\"text/plain; charset=utf-8\"]
            http.response.header.x-id = [\"answered\"]
            absent: http.request.header.authorization
        "
    ));
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

#[tokio::test]
async fn a_span_ends_with_its_last_byte_whoever_still_holds_the_body() {
    let telemetry = Telemetry::start();
    let request = http::Request::get("/items/7").body(Body::empty()).unwrap();
    let mut body = router().oneshot(request).await.unwrap().into_body();
    assert_eq!(telemetry.ended().len(), 0);
    body.frame().await.unwrap().unwrap();
    assert_eq!(telemetry.ended().len(), 1);
    drop(body);
}

#[tokio::test]
async fn a_span_ends_with_its_last_byte_and_a_job_that_it_began_is_below_it_all_the_same() {
    let telemetry = Telemetry::start();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let finished = Arc::new(Mutex::new(Some(finished)));
    let handler = async move || {
        let finished = finished.lock().unwrap().take().unwrap();
        let job = async {
            finished.await.unwrap();
            info_span!("job").in_scope(|| info!("done"));
        };
        tokio::spawn(job.in_current_span());
        "begun"
    };
    let router = Router::new().route("/", get(handler)).layer(ServerLayer::default());
    let address = serve(router).await;
    let answer = reqwest::get(format!("http://{address}/")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "begun");
    telemetry.expect("server GET /").await;

    finish.send(()).unwrap();
    telemetry
        .expect(
            "
            server GET /
              internal job
                event: done
            ",
        )
        .await;
}
