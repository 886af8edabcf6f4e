//! A shop and its customer in one process: a server of HTTP and gRPC, and a client of both.
//!
//! With a Collector or Jaeger at localhost:4317, `cargo run --example shop` makes one trace; with
//! `OTEL_TRACES_EXPORTER=none` it runs alone.

use std::error::Error;
use std::future::IntoFuture;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use telemetry::{LogFormat, SpanContext, grpc, http};
use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tonic::transport::Endpoint;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tower::Layer;
use tracing::{info, info_span};

const METHODS: &[&str] = &["grpc.reflection.v1.ServerReflection/ServerReflectionInfo"];

/// Tells what it does without `tracing`.
async fn item(Extension(span): Extension<SpanContext>) -> &'static str {
    let lookup = span.child("look up");
    lookup.set_attribute("app.item", 7);
    lookup.event("cache miss", []);
    "an item"
}

fn app() -> Result<Router, Box<dyn Error>> {
    let reflection = tonic_reflection::server::Builder::configure().build_v1()?;
    Ok(Router::new()
        .route("/items/{id}", get(item))
        .layer(http::ServerLayer::default())
        .route_service(
            "/grpc.reflection.v1.ServerReflection/{method}",
            grpc::ServerLayer::new(METHODS).layer(reflection),
        ))
}

/// Calls over HTTP, then over gRPC.
#[tracing::instrument(err)]
async fn visit(server: String) -> Result<(), Box<dyn Error>> {
    let client = http::Client::new(reqwest::Client::new());
    let url = format!("{server}/items/7").parse()?;
    let answer = client.execute(reqwest::Request::new(reqwest::Method::GET, url)).await?;
    info!(item = answer.text().await?, "answered");

    let endpoint = Endpoint::from_shared(server)?;
    let channel = grpc::ClientLayer::default().layer(endpoint.connect_lazy());
    let mut client = ServerReflectionClient::with_origin(channel, endpoint.uri().clone());
    let ask = tokio_stream::once(ServerReflectionRequest::default());
    let mut answers = client.server_reflection_info(ask).await?.into_inner();
    while let Some(answer) = answers.next().await {
        info_span!("read an answer").in_scope(|| info!(?answer, "answered"));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = telemetry::init(&telemetry::service_name("shop"), LogFormat::Text)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = format!("http://{}", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, app()?).into_future() => served?,
        visited = visit(server) => visited?,
    }
    // The last spans leave the process, or the deadline is over.
    telemetry.shutdown(Duration::from_secs(3));
    Ok(())
}
