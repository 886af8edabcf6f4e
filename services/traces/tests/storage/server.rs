//! A storage server in this process, and spans to send.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use spoor::Server;
use spoor::config::Config;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Endpoint;
use traces::{Storage, Window};

/// Nanoseconds since the epoch at which the spans here start: a moment long ago.
pub const START: u64 = 1_700_000_000_000_000_000;
/// Longer than anything here takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Runs until it is stopped or dropped.
pub struct TestServer {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    folder: TempDir,
}

impl TestServer {
    /// On a port and in a directory of its own.
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    pub async fn start_on(port: u16) -> Self {
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: address(port),
            admin_listen: address(0),
            data_dir: Some(folder.path().to_owned()),
            ..Config::default()
        };
        let server = Server::bind(config).await.unwrap();
        let address = server.grpc_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(async move {
            let stopped = async {
                stopped.await.ok();
            };
            Box::pin(server.serve(stopped)).await.unwrap();
        });
        Self { address, stop, ended, folder }
    }

    pub fn storage(&self) -> Storage {
        Storage::new(&format!("http://{}", self.address)).unwrap()
    }

    /// Writes the spans of a service, and expects them to be taken wholly.
    pub async fn write(&self, service: &str, spans: Vec<Span>) {
        let channel = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        let mut writer = TraceServiceClient::new(channel.connect_lazy());
        let request = RawTraces(data(service, spans).encode_to_vec().into());
        let answer = writer.export(request).await.unwrap();
        assert_eq!(answer.into_inner().partial_success, None);
    }

    /// Ends when nothing listens any more.
    pub async fn stop(self) {
        let Self { stop, ended, folder, .. } = self;
        stop.send(()).unwrap();
        ended.await.unwrap();
        drop(folder);
    }
}

/// A span of a microsecond that starts as many seconds after [`START`] as its id says.
pub fn span(trace: u128, id: u64, parent: u64) -> Span {
    let start = START + id * 1_000_000_000;
    Span {
        trace_id: trace.to_be_bytes().into(),
        span_id: id.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        name: "operation".to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_000,
        ..Span::default()
    }
}

pub fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

pub fn text(value: &str) -> Value {
    Value::StringValue(value.to_owned())
}

fn data(service: &str, spans: Vec<Span>) -> TracesData {
    let attributes =
        vec![attribute("service.name", text(service)), attribute("host.name", text("here"))];
    let resource_spans = ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    };
    TracesData { resource_spans: vec![resource_spans] }
}

/// As it is read back.
pub fn read_back(service: &str, spans: Vec<Span>) -> Vec<traces::Span> {
    traces::Span::all(data(service, spans))
}

/// From the first second after [`START`] to the last.
pub fn seconds(first: u64, last: u64) -> Window {
    let at = |second| -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(START) + Duration::from_secs(second)
    };
    Window { start: at(first), end: at(last) }
}

pub fn always() -> Window {
    seconds(0, 1_000_000)
}
