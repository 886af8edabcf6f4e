//! A server behind a layer, and its client, with a pipe in memory between them.

use std::future::pending;
use std::io;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::routing::get;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::io::DuplexStream;
use tokio_stream::StreamExt;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Response, Status};
use tonic_tracing_opentelemetry::middleware::server::OtelGrpcLayer;

use super::layer::Layer;

/// Bytes that the pipe holds; a request and its answer fit in.
const PIPE: usize = 64 * 1024;

/// Whose spans requests come from; what follows tells whether they are sampled.
macro_rules! parent {
    ($flags:literal) => {
        concat!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-", $flags)
    };
}

fn traceparent(is_sampled: bool) -> &'static str {
    if is_sampled { parent!("01") } else { parent!("00") }
}

#[derive(Clone, Copy)]
pub enum Protocol {
    /// HTTP/1, to axum.
    Http,
    /// To tonic's own server.
    Grpc,
}

impl Protocol {
    pub const ALL: [Self; 2] = [Self::Http, Self::Grpc];

    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Grpc => "gRPC",
        }
    }
}

pub enum Connection {
    Http(SendRequest<Empty<Bytes>>),
    Grpc(TraceServiceClient<Channel>),
}

impl Connection {
    /// To a server with this layer.
    pub async fn open(protocol: Protocol, layer: Layer) -> Result<Self> {
        match protocol {
            Protocol::Http => Self::http(layer).await,
            Protocol::Grpc => Self::grpc(layer).await,
        }
    }

    async fn http(layer: Layer) -> Result<Self> {
        let router = Router::new().route("/items/{id}", get(async || "an item"));
        let router = match layer {
            Layer::None => router,
            Layer::Telemetry | Layer::TelemetryMeasured => {
                router.layer(telemetry::http::ServerLayer::default())
            }
            Layer::Peer => router.layer(OtelAxumLayer::default()),
        };
        let (client, server) = tokio::io::duplex(PIPE);
        tokio::spawn(async { axum::serve(Pipe(Some(server)), router).await });
        let (requests, connection) = handshake(TokioIo::new(client)).await?;
        tokio::spawn(connection);
        Ok(Self::Http(requests))
    }

    async fn grpc(layer: Layer) -> Result<Self> {
        const METHODS: &[&str] = &["opentelemetry.proto.collector.trace.v1.TraceService/Export"];
        let (client, server) = tokio::io::duplex(PIPE);
        let only = tokio_stream::once(Ok::<_, io::Error>(server));
        let incoming = only.chain(tokio_stream::pending());
        let service = TraceServiceServer::new(Nothing);
        match layer {
            Layer::None => {
                let server = Server::builder().add_service(service);
                tokio::spawn(server.serve_with_incoming(incoming));
            }
            Layer::Telemetry | Layer::TelemetryMeasured => {
                let layer = telemetry::grpc::ServerLayer::new(METHODS);
                let server = Server::builder().layer(layer).add_service(service);
                tokio::spawn(server.serve_with_incoming(incoming));
            }
            Layer::Peer => {
                let layer = OtelGrpcLayer::default();
                let server = Server::builder().layer(layer).add_service(service);
                tokio::spawn(server.serve_with_incoming(incoming));
            }
        }
        let mut client = Some(client);
        let connector = tower::service_fn(move |_| {
            let client = client.take().ok_or(io::ErrorKind::NotConnected);
            async { client.map(TokioIo::new).map_err(io::Error::from) }
        });
        let endpoint = Endpoint::from_static("http://localhost:8000");
        let channel = endpoint.connect_with_connector(connector).await?;
        Ok(Self::Grpc(TraceServiceClient::new(channel)))
    }

    /// Asks, and waits for the whole of the answer.
    pub async fn ask(&mut self, is_sampled: bool) -> Result<()> {
        let parent = traceparent(is_sampled);
        match self {
            Self::Http(requests) => {
                let request = Request::get("/items/7")
                    .header(header::HOST, "localhost:8000")
                    .header(header::USER_AGENT, "telemetry-bench")
                    .header("traceparent", parent)
                    .body(Empty::new())?;
                requests.ready().await?;
                let answer = requests.send_request(request).await?;
                ensure!(answer.status() == StatusCode::OK, "the answer is {}", answer.status());
                answer.into_body().collect().await.context("reading an answer")?;
            }
            Self::Grpc(client) => {
                let mut request = tonic::Request::new(ExportTraceServiceRequest::default());
                request.metadata_mut().insert("traceparent", parent.parse()?);
                client.export(request).await?;
            }
        }
        Ok(())
    }
}

/// A listener of one connection.
struct Pipe(Option<DuplexStream>);

impl axum::serve::Listener for Pipe {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.take() {
            Some(connection) => (connection, ()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A unary method that does nothing.
struct Nothing;

#[tonic::async_trait]
impl TraceService for Nothing {
    async fn export(
        &self,
        _request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
