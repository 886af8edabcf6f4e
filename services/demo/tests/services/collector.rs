//! An OTLP backend that keeps what it gets, unless told to treat it worse.

use std::future::pending;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

/// A span, the service that made it with what else is known of that, and how it came.
#[derive(Clone, Debug)]
pub struct Exported {
    pub service: String,
    pub resource: Vec<KeyValue>,
    pub protocol: &'static str,
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

/// A metric and its service.
#[derive(Clone, Debug)]
pub struct Measured {
    pub service: String,
    pub metric: Metric,
}

impl Measured {
    /// The value of a sum's point that has this attribute, or of the one that has none.
    pub fn sum(&self, attribute: Option<(&str, &str)>) -> Option<i64> {
        let Some(Data::Sum(sum)) = &self.metric.data else { panic!("{:?}", self.metric) };
        let point = sum.data_points.iter().find(|point| match attribute {
            Some((key, value)) => text(&point.attributes, key).as_deref() == Some(value),
            None => text(&point.attributes, "error.type").is_none(),
        })?;
        match point.value? {
            number_data_point::Value::AsInt(number) => Some(number),
            number_data_point::Value::AsDouble(number) => panic!("{number}"),
        }
    }
}

/// One export: its signal, its headers, and how many it brought.
#[derive(Clone, Debug)]
pub struct Export {
    pub signal: &'static str,
    pub headers: HeaderMap,
    pub items: usize,
}

/// What becomes of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Conduct {
    /// It is kept.
    #[default]
    Take,
    /// It is kept after a while.
    TakeAfter(Duration),
    /// It waits until this changes.
    Hang,
    /// It is turned away for good.
    Refuse,
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
    metrics: Arc<Mutex<Vec<Measured>>>,
    exports: Arc<Mutex<Vec<Export>>>,
    conduct: watch::Sender<Conduct>,
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
        let gzip = CompressionEncoding::Gzip;
        let router = Router::new()
            .route("/v1/traces", post(traces_over_http))
            .route("/v1/logs", post(logs_over_http))
            .route("/v1/metrics", post(metrics_over_http))
            .with_state(self.received.clone())
            .route_service(
                "/opentelemetry.proto.collector.trace.v1.TraceService/{method}",
                TraceServiceServer::new(self.received.clone()).accept_compressed(gzip),
            )
            .route_service(
                "/opentelemetry.proto.collector.metrics.v1.MetricsService/{method}",
                MetricsServiceServer::new(self.received.clone()).accept_compressed(gzip),
            )
            .route_service(
                "/opentelemetry.proto.collector.logs.v1.LogsService/{method}",
                LogsServiceServer::new(self.received).accept_compressed(gzip),
            );
        axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
    }

    /// From now on, also for what waits already.
    pub fn treat(&self, conduct: Conduct) {
        self.received.conduct.send_replace(conduct);
    }

    /// The variable that makes a service export here.
    pub fn variable(&self) -> (&'static str, String) {
        ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn spans(&self) -> Vec<Exported> {
        self.received.spans.lock().unwrap().clone()
    }

    pub fn logs(&self) -> Vec<Logged> {
        self.received.logs.lock().unwrap().clone()
    }

    pub fn metrics(&self) -> Vec<Measured> {
        self.received.metrics.lock().unwrap().clone()
    }

    /// The exports so far, whatever became of them.
    pub fn exports(&self) -> Vec<Export> {
        self.received.exports.lock().unwrap().clone()
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

/// An export was turned away.
struct Refused;

impl Received {
    async fn answer(
        &self,
        signal: &'static str,
        headers: HeaderMap,
        items: usize,
    ) -> Result<(), Refused> {
        self.exports.lock().unwrap().push(Export { signal, headers, items });
        let mut conduct = self.conduct.subscribe();
        let conduct = *conduct.wait_for(|conduct| *conduct != Conduct::Hang).await.unwrap();
        match conduct {
            Conduct::Refuse => return Err(Refused),
            Conduct::TakeAfter(delay) => tokio::time::sleep(delay).await,
            Conduct::Take | Conduct::Hang => {}
        }
        Ok(())
    }

    async fn keep_spans(
        &self,
        protocol: &'static str,
        headers: HeaderMap,
        request: ExportTraceServiceRequest,
    ) -> Result<(), Refused> {
        let mut spans = Vec::new();
        for resource_spans in request.resource_spans {
            let resource = resource_spans.resource.unwrap_or_default().attributes;
            let service = text(&resource, "service.name").unwrap();
            for span in resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let (service, resource) = (service.clone(), resource.clone());
                spans.push(Exported { service, resource, protocol, span });
            }
        }
        self.answer("traces", headers, spans.len()).await?;
        self.spans.lock().unwrap().extend(spans);
        Ok(())
    }

    async fn keep_metrics(
        &self,
        headers: HeaderMap,
        request: ExportMetricsServiceRequest,
    ) -> Result<(), Refused> {
        let mut metrics = Vec::new();
        for resource_metrics in request.resource_metrics {
            let resource = resource_metrics.resource.unwrap_or_default();
            let service = text(&resource.attributes, "service.name").unwrap();
            let scopes = resource_metrics.scope_metrics.into_iter();
            metrics.extend(
                scopes
                    .flat_map(|scope| scope.metrics)
                    .map(|metric| Measured { service: service.clone(), metric }),
            );
        }
        self.answer("metrics", headers, metrics.len()).await?;
        self.metrics.lock().unwrap().extend(metrics);
        Ok(())
    }

    async fn keep_logs(
        &self,
        headers: HeaderMap,
        request: ExportLogsServiceRequest,
    ) -> Result<(), Refused> {
        let mut logs = Vec::new();
        for resource_logs in request.resource_logs {
            let resource = resource_logs.resource.unwrap_or_default();
            let service = text(&resource.attributes, "service.name").unwrap();
            for scope_logs in resource_logs.scope_logs {
                let scope = scope_logs.scope.unwrap_or_default().name;
                logs.extend(scope_logs.log_records.into_iter().map(|record| Logged {
                    service: service.clone(),
                    scope: scope.clone(),
                    record,
                }));
            }
        }
        self.answer("logs", headers, logs.len()).await?;
        self.logs.lock().unwrap().extend(logs);
        Ok(())
    }
}

/// The headers and the message of a gRPC call.
fn parts<T>(request: Request<T>) -> (HeaderMap, T) {
    let (metadata, _, message) = request.into_parts();
    (metadata.into_headers(), message)
}

impl From<Refused> for Status {
    fn from(_: Refused) -> Self {
        Status::invalid_argument("refused")
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (headers, message) = parts(request);
        self.keep_spans("grpc", headers, message).await?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let (headers, message) = parts(request);
        self.keep_metrics(headers, message).await?;
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Received {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let (headers, message) = parts(request);
        self.keep_logs(headers, message).await?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

type Answer = Result<Vec<u8>, StatusCode>;

/// The message of a POST.
fn decode<T: Message + Default>(headers: &HeaderMap, body: Bytes) -> T {
    if headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding != "gzip") {
        return T::decode(body).unwrap();
    }
    let mut plain = Vec::new();
    GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
    T::decode(&plain[..]).unwrap()
}

fn answered<T: Message + Default>(result: Result<(), Refused>) -> Answer {
    result.map(|()| T::default().encode_to_vec()).map_err(|Refused| StatusCode::BAD_REQUEST)
}

async fn traces_over_http(
    State(received): State<Received>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let message = decode(&headers, body);
    let kept = received.keep_spans("http/protobuf", headers, message).await;
    answered::<ExportTraceServiceResponse>(kept)
}

async fn metrics_over_http(
    State(received): State<Received>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let message = decode(&headers, body);
    answered::<ExportMetricsServiceResponse>(received.keep_metrics(headers, message).await)
}

async fn logs_over_http(
    State(received): State<Received>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let message = decode(&headers, body);
    answered::<ExportLogsServiceResponse>(received.keep_logs(headers, message).await)
}
