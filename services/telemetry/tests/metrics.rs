//! What a server's layers measure, in a process of its own: it has one meter provider.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::get;
use futures::StreamExt;
use futures::stream;
use opentelemetry::global;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, HistogramDataPoint, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use telemetry::{grpc, http};
use tokio::net::TcpListener;
use tower::Layer;

const METHOD: &str = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// How long the slow page takes to send its body.
const SLOW: Duration = Duration::from_millis(60);

struct Refusing;

#[tonic::async_trait]
impl TraceService for Refusing {
    async fn export(
        &self,
        _request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        Err(tonic::Status::unavailable("as told"))
    }
}

async fn serve() -> SocketAddr {
    let grpc = grpc::ServerLayer::new(&[METHOD]).layer(TraceServiceServer::new(Refusing));
    let router = Router::new()
        .route("/items/{id}", get(async || "an item"))
        .route("/slow", get(async || Body::from_stream(slowly())))
        .route("/unavailable", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/never", get(std::future::pending::<()>))
        .route("/healthz", get(async || "ok"))
        .layer(http::ServerLayer::default())
        .route_service(&format!("/{METHOD}"), grpc);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn slowly() -> impl stream::Stream<Item = std::io::Result<&'static str>> + Send {
    let rest = async {
        tokio::time::sleep(SLOW).await;
        Ok("end")
    };
    stream::iter([Ok("begun")]).chain(stream::once(rest))
}

/// The points of a histogram of seconds, each with its attributes as text.
fn points(exporter: &InMemoryMetricExporter, name: &str) -> Vec<(String, HistogramDataPoint<f64>)> {
    let exported = exporter.get_finished_metrics().unwrap();
    let metrics = exported.last().unwrap().scope_metrics().flat_map(|scope| scope.metrics());
    let mut points = Vec::new();
    for metric in metrics.filter(|metric| metric.name() == name) {
        assert_eq!(metric.unit(), "s");
        let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
            panic!("{metric:?}")
        };
        for point in histogram.data_points() {
            assert_eq!(point.bounds().collect::<Vec<_>>(), BOUNDS);
            let attributes = point.attributes().map(|it| format!("{}={}", it.key, it.value));
            let mut attributes: Vec<String> = attributes.collect();
            attributes.sort();
            points.push((attributes.join(" "), point.clone()));
        }
    }
    points.sort_by(|one, other| one.0.cmp(&other.0));
    points
}

#[tokio::test]
async fn each_call_is_measured_whether_it_is_sampled_or_not_and_a_health_check_is_none() {
    let spans = telemetry::testing::record();
    // Before there is a provider, as a program may make its router before all else.
    let address = serve().await;
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder().with_periodic_exporter(exporter.clone()).build();
    global::set_meter_provider(provider.clone());

    let client = reqwest::Client::new();
    let url = |path: &str| format!("http://{address}{path}");
    for path in ["/healthz", "/items/1", "/unavailable", "/nowhere"] {
        client.get(url(path)).send().await.unwrap();
    }
    let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let request = client.get(url("/items/2")).header("traceparent", unsampled);
    request.send().await.unwrap();
    client.request("BREW".parse().unwrap(), url("/items/3")).send().await.unwrap();
    client.get(url("/slow")).send().await.unwrap().text().await.unwrap();
    let given_up = client.get(url("/never")).timeout(SLOW).send();
    given_up.await.unwrap_err();
    let request = client.post(url(&format!("/{METHOD}"))).body(vec![0; 5]);
    request.header("content-type", "application/grpc").send().await.unwrap();
    spans
        .expect(&format!(
            "
            server GET /items/{{id}}
            server GET /unavailable
              status: error
            server GET
            server HTTP /items/{{id}}
            server GET /slow
            server GET /never
            server {METHOD}
              status: error as told
            "
        ))
        .await;
    provider.force_flush().unwrap();

    let http = points(&exporter, "http.server.request.duration");
    let common = "network.protocol.version=1.1 url.scheme=http";
    let of = |rest: &str| format!("{rest} {common}");
    let expected = [
        (
            of(
                "error.type=503 http.request.method=GET http.response.status_code=503 http.route=/unavailable",
            ),
            1,
        ),
        (of("error.type=cancelled http.request.method=GET http.route=/never"), 1),
        (of("http.request.method=GET http.response.status_code=200 http.route=/items/{id}"), 2),
        (of("http.request.method=GET http.response.status_code=200 http.route=/slow"), 1),
        (of("http.request.method=GET http.response.status_code=404"), 1),
        (of("http.request.method=_OTHER http.response.status_code=405 http.route=/items/{id}"), 1),
    ];
    let found: Vec<(String, u64)> =
        http.iter().map(|(attributes, point)| (attributes.clone(), point.count())).collect();
    assert_eq!(found, expected);
    let (_, slow) = http.iter().find(|(attributes, _)| attributes.contains("/slow")).unwrap();
    assert!(slow.sum() >= SLOW.as_secs_f64(), "it lasts until its body has ended: {slow:?}");

    let rpc = points(&exporter, "rpc.server.call.duration");
    let [(attributes, _)] = &rpc[..] else { panic!("{rpc:?}") };
    let status = "rpc.response.status_code=UNAVAILABLE rpc.system.name=grpc";
    assert_eq!(*attributes, format!("error.type=UNAVAILABLE rpc.method={METHOD} {status}"));
}
