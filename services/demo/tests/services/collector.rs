//! An OTLP backend that keeps what it gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

/// A span and the service that made it.
#[derive(Clone, Debug)]
pub struct Exported {
    pub service: String,
    pub span: Span,
}

impl Exported {
    pub fn kind(&self) -> SpanKind {
        self.span.kind()
    }

    /// `service KIND name`.
    pub fn label(&self) -> String {
        let kind = self.kind().as_str_name().trim_start_matches("SPAN_KIND_");
        format!("{} {kind} {}", self.service, self.span.name)
    }

    pub fn attribute(&self, key: &str) -> Option<String> {
        text(&self.span.attributes, key)
    }
}

/// The text of an attribute, also of a number's.
pub fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

/// Serves OTLP over gRPC and over HTTP on one port.
#[derive(Clone)]
pub struct Collector {
    address: SocketAddr,
    received: Received,
}

#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<Exported>>>);

impl Collector {
    pub async fn start() -> Self {
        let received = Received::default();
        let router = Router::new()
            .route("/v1/traces", post(export_over_http))
            .with_state(received.clone())
            .route_service(
                "/opentelemetry.proto.collector.trace.v1.TraceService/{method}",
                TraceServiceServer::new(received.clone()),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, received }
    }

    /// The variable that makes a service export here.
    pub fn variable(&self) -> (&'static str, String) {
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.address))
    }

    pub fn spans(&self) -> Vec<Exported> {
        self.received.0.lock().unwrap().clone()
    }

    /// The spans, once there are `count`; more are as wrong as fewer.
    pub async fn wait_for(&self, count: usize) -> Vec<Exported> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let spans = self.spans();
            if spans.len() >= count || Instant::now() > deadline {
                let labels = || spans.iter().map(Exported::label).collect::<Vec<_>>();
                assert_eq!(spans.len(), count, "{:#?}", labels());
                return spans;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Received {
    fn keep(&self, request: ExportTraceServiceRequest) {
        let mut received = self.0.lock().unwrap();
        for resource_spans in request.resource_spans {
            let resource = resource_spans.resource.unwrap_or_default();
            let service = text(&resource.attributes, "service.name").unwrap();
            for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                received.push(Exported { service: service.clone(), span });
            }
        }
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.keep(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn export_over_http(State(received): State<Received>, body: Bytes) -> Vec<u8> {
    received.keep(ExportTraceServiceRequest::decode(body).unwrap());
    ExportTraceServiceResponse::default().encode_to_vec()
}
