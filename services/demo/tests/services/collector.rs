//! An OTLP backend that keeps what it gets.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
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

/// A log record, its service and its scope's name.
#[derive(Clone, Debug)]
pub struct Logged {
    pub service: String,
    pub scope: String,
    pub record: LogRecord,
}

impl Logged {
    pub fn body(&self) -> &str {
        match self.record.body.as_ref().and_then(|body| body.value.as_ref()) {
            Some(Value::StringValue(text)) => text,
            other => panic!("{other:?}"),
        }
    }
}

/// Bytes as trace and span ids are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// A backend's life from one start to its end.
pub struct Life {
    stop: oneshot::Sender<()>,
    end: JoinHandle<()>,
}

impl Life {
    /// Ends it as a signal to stop does: what is under way is answered, and nothing more.
    pub async fn end(self) {
        self.stop.send(()).unwrap();
        self.end.await.unwrap();
    }
}

/// Serves OTLP over gRPC and over HTTP on one port.
#[derive(Clone)]
pub struct Collector {
    address: SocketAddr,
    received: Received,
}

#[derive(Clone, Default)]
struct Received {
    spans: Arc<Mutex<Vec<Exported>>>,
    logs: Arc<Mutex<Vec<Logged>>>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self::at(listener.local_addr().unwrap());
        tokio::spawn(collector.clone().serve(listener, pending()));
        collector
    }

    /// One that does not serve yet.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, received: Received::default() }
    }

    /// Serves until told to stop.
    pub async fn live(&self) -> Life {
        let listener = TcpListener::bind(self.address).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let end = self.clone().serve(listener, async { stopped.await.unwrap_or_default() });
        Life { stop, end: tokio::spawn(end) }
    }

    async fn serve(
        self,
        listener: TcpListener,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) {
        let router = Router::new()
            .route("/v1/traces", post(traces_over_http))
            .route("/v1/logs", post(logs_over_http))
            .with_state(self.received.clone())
            .route_service(
                "/opentelemetry.proto.collector.trace.v1.TraceService/{method}",
                TraceServiceServer::new(self.received.clone()),
            )
            .route_service(
                "/opentelemetry.proto.collector.logs.v1.LogsService/{method}",
                LogsServiceServer::new(self.received),
            );
        axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
    }

    /// The variable that makes a service export here.
    pub fn variable(&self) -> (&'static str, String) {
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.address))
    }

    pub fn spans(&self) -> Vec<Exported> {
        self.received.spans.lock().unwrap().clone()
    }

    pub fn logs(&self) -> Vec<Logged> {
        self.received.logs.lock().unwrap().clone()
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
    fn keep_spans(&self, request: ExportTraceServiceRequest) {
        let mut received = self.spans.lock().unwrap();
        for resource_spans in request.resource_spans {
            let resource = resource_spans.resource.unwrap_or_default();
            let service = text(&resource.attributes, "service.name").unwrap();
            for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                received.push(Exported { service: service.clone(), span });
            }
        }
    }

    fn keep_logs(&self, request: ExportLogsServiceRequest) {
        let mut received = self.logs.lock().unwrap();
        for resource_logs in request.resource_logs {
            let resource = resource_logs.resource.unwrap_or_default();
            let service = text(&resource.attributes, "service.name").unwrap();
            for scope_logs in resource_logs.scope_logs {
                let scope = scope_logs.scope.unwrap_or_default().name;
                received.extend(scope_logs.log_records.into_iter().map(|record| Logged {
                    service: service.clone(),
                    scope: scope.clone(),
                    record,
                }));
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
        self.keep_spans(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Received {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.keep_logs(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

async fn traces_over_http(State(received): State<Received>, body: Bytes) -> Vec<u8> {
    received.keep_spans(ExportTraceServiceRequest::decode(body).unwrap());
    ExportTraceServiceResponse::default().encode_to_vec()
}

async fn logs_over_http(State(received): State<Received>, body: Bytes) -> Vec<u8> {
    received.keep_logs(ExportLogsServiceRequest::decode(body).unwrap());
    ExportLogsServiceResponse::default().encode_to_vec()
}
