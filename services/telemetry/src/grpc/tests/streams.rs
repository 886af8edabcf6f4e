//! Calls that stream, in one direction or in both.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use http::uri::PathAndQuery;
use tokio::sync::Semaphore;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming, client, server};
use tonic_prost::ProstCodec;
use tower::{Layer, service_fn};

use super::PATIENCE;
use crate::grpc::status::name;
use crate::grpc::{ClientLayer, ServerLayer};
use crate::testing::{Telemetry, serve};

/// Strings are messages by themselves: `google.protobuf.StringValue`.
type Codec = ProstCodec<String, String>;

const UPLOAD: &str = "test.v1.Streams/Upload";
const DOWNLOAD: &str = "test.v1.Streams/Download";
const ECHO: &str = "test.v1.Streams/Echo";

/// Answers with how many messages there were.
async fn upload(request: Request<Streaming<String>>) -> Result<Response<String>, Status> {
    let count = request.into_inner().try_fold(0, async |count, _| Ok(count + 1)).await?;
    Ok(Response::new(count.to_string()))
}

type Messages = BoxStream<'static, Result<String, Status>>;

/// Answers with one message, and with what it was asked for once it is let go on.
async fn download(go_on: Arc<Semaphore>, request: String) -> Result<Response<Messages>, Status> {
    let rest = async move {
        go_on.acquire().await.unwrap().forget();
        match request.as_str() {
            "fail" => Err(Status::data_loss("torn")),
            "panic" => panic!("as told"),
            _ => Ok(request),
        }
    };
    let first = stream::iter([Ok("first".to_owned())]);
    Ok(Response::new(first.chain(stream::once(rest)).boxed()))
}

async fn echo(request: Request<Streaming<String>>) -> Result<Response<Messages>, Status> {
    Ok(Response::new(request.into_inner().boxed()))
}

async fn handle(
    State(go_on): State<Arc<Semaphore>>,
    request: http::Request<Body>,
) -> http::Response<tonic::body::Body> {
    let mut grpc = server::Grpc::new(Codec::default());
    match request.uri().path().trim_start_matches('/') {
        UPLOAD => grpc.client_streaming(service_fn(upload), request).await,
        DOWNLOAD => {
            let download = service_fn(move |request: Request<String>| {
                download(go_on.clone(), request.into_inner())
            });
            grpc.server_streaming(download, request).await
        }
        _ => grpc.streaming(service_fn(echo), request).await,
    }
}

/// A server, and a client that has called it before: what it measures has no connecting in it.
struct Streams {
    telemetry: Telemetry,
    client: client::Grpc<<ClientLayer as Layer<Channel>>::Service>,
    go_on: Arc<Semaphore>,
}

impl Streams {
    async fn start() -> Self {
        let go_on = Arc::new(Semaphore::new(0));
        let handler = post(handle).with_state(go_on.clone());
        let service = ServerLayer::new(&[UPLOAD, DOWNLOAD, ECHO]).layer(handler);
        let router = Router::new().route_service("/test.v1.Streams/{method}", service);
        let address = serve(router).await;
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let channel = ClientLayer::default().layer(channel);
        let client = client::Grpc::with_origin(channel, endpoint.uri().clone());
        Self { telemetry: Telemetry::start(), client, go_on }
    }

    async fn upload(
        &mut self,
        request: Request<impl Stream<Item = String> + Send + 'static>,
    ) -> Result<Response<String>, Status> {
        self.client.ready().await.unwrap();
        self.client.client_streaming(request, path(UPLOAD), Codec::default()).await
    }

    async fn download(&mut self, what: &str) -> Streaming<String> {
        self.client.ready().await.unwrap();
        let request = Request::new(what.to_owned());
        let answer = self.client.server_streaming(request, path(DOWNLOAD), Codec::default());
        let mut messages = answer.await.unwrap().into_inner();
        assert_eq!(messages.message().await.unwrap().as_deref(), Some("first"));
        messages
    }

    /// An echo under way.
    async fn echo(&mut self) -> (UnboundedSender<String>, Streaming<String>) {
        self.client.ready().await.unwrap();
        let (sender, messages) = unbounded();
        let request = Request::new(messages);
        let answer = self.client.streaming(request, path(ECHO), Codec::default());
        let mut messages = answer.await.unwrap().into_inner();
        sender.unbounded_send("there".to_owned()).unwrap();
        assert_eq!(messages.message().await.unwrap().as_deref(), Some("there"));
        (sender, messages)
    }

    async fn expect_both(&self, method: &str, code: &str, client: &str, server: &str) {
        self.telemetry
            .expect(&format!(
                "
                client {method}
                  rpc.response.status_code = {code}
                  {client}
                  server {method}
                    rpc.response.status_code = {code}
                    {server}
                "
            ))
            .await;
    }
}

fn path(method: &str) -> PathAndQuery {
    format!("/{method}").parse().unwrap()
}

const NO_ERROR: &str = "absent: error.type";

#[tokio::test]
async fn an_upload_is_a_span_until_it_is_answered() {
    let mut streams = Streams::start().await;
    let (sender, messages) = unbounded();
    for _ in 0..3 {
        sender.unbounded_send("more".to_owned()).unwrap();
    }
    let telemetry = streams.telemetry.clone();
    let upload = streams.upload(Request::new(messages));
    let end = async {
        tokio::task::yield_now().await;
        assert!(telemetry.ended().is_empty(), "more is to come");
        drop(sender);
    };
    let (answer, ()) = tokio::join!(upload, end);
    assert_eq!(answer.unwrap().into_inner(), "3");
    streams.expect_both(UPLOAD, "OK", NO_ERROR, NO_ERROR).await;
}

#[tokio::test]
async fn a_download_is_a_span_until_its_last_message() {
    let mut streams = Streams::start().await;
    let mut messages = streams.download("rest").await;
    assert!(streams.telemetry.ended().is_empty(), "more is to come");
    streams.go_on.add_permits(1);
    assert_eq!(messages.message().await.unwrap().as_deref(), Some("rest"));
    assert_eq!(messages.message().await.unwrap(), None);
    streams.expect_both(DOWNLOAD, "OK", NO_ERROR, NO_ERROR).await;
}

#[tokio::test]
async fn a_stream_in_both_directions_is_a_span_until_both_have_ended() {
    let mut streams = Streams::start().await;
    let (sender, mut messages) = streams.echo().await;
    assert!(streams.telemetry.ended().is_empty(), "more is to come");
    drop(sender);
    assert_eq!(messages.message().await.unwrap(), None);
    streams.expect_both(ECHO, "OK", NO_ERROR, NO_ERROR).await;
}

#[tokio::test]
async fn a_failure_in_the_middle_of_a_stream_is_both_sides_error() {
    let mut streams = Streams::start().await;
    let mut messages = streams.download("fail").await;
    streams.go_on.add_permits(1);
    assert_eq!(messages.message().await.unwrap_err().code(), Code::DataLoss);
    let torn = "status: error torn";
    streams.expect_both(DOWNLOAD, "DATA_LOSS", torn, torn).await;
}

#[tokio::test]
async fn a_panic_in_the_middle_of_a_stream_is_both_sides_error() {
    let mut streams = Streams::start().await;
    let mut messages = streams.download("panic").await;
    streams.go_on.add_permits(1);
    let told = name(messages.message().await.unwrap_err().code());
    streams
        .telemetry
        .expect(&format!(
            "
            client {DOWNLOAD}
              rpc.response.status_code = {told}
              status: error *
              server {DOWNLOAD}
                error.type = panic
                absent: rpc.response.status_code
                status: error *
            "
        ))
        .await;
}

const GIVEN_UP: &str = "status: error the call was given up";

#[tokio::test]
async fn an_upload_given_up_in_the_middle_is_cancelled_on_both_sides() {
    let mut streams = Streams::start().await;
    let first = stream::iter(["first".to_owned()]).chain(stream::pending());
    tokio::time::timeout(PATIENCE, streams.upload(Request::new(first))).await.unwrap_err();
    streams.expect_both(UPLOAD, "CANCELLED", GIVEN_UP, NO_ERROR).await;
}

#[tokio::test]
async fn a_download_given_up_in_the_middle_is_cancelled_on_both_sides() {
    let mut streams = Streams::start().await;
    drop(streams.download("rest").await);
    streams.expect_both(DOWNLOAD, "CANCELLED", GIVEN_UP, NO_ERROR).await;
}

#[tokio::test]
async fn a_stream_in_both_directions_that_is_read_no_more_is_cancelled_by_its_client() {
    let mut streams = Streams::start().await;
    let (_sender, messages) = streams.echo().await;
    drop(messages);
    // hyper tells the server once nothing is sent any more, either.
    streams
        .telemetry
        .expect(&format!(
            "
            client {ECHO}
              rpc.response.status_code = CANCELLED
              {GIVEN_UP}
            "
        ))
        .await;
}

#[tokio::test]
async fn a_deadline_that_a_client_sends_is_exceeded_on_both_sides() {
    let mut streams = Streams::start().await;
    let mut request = Request::new(stream::pending());
    request.set_timeout(PATIENCE);
    streams.upload(request).await.unwrap_err();
    streams.expect_both(UPLOAD, "DEADLINE_EXCEEDED", "status: error *", "status: error *").await;
}
