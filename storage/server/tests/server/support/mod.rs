//! What the tests share: a running server, its clients, and spans to send.

pub mod http;
mod load;
mod program;
mod raw;
mod spans;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use spoor::Server;
use spoor::config::Config;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{GetTraceParams, GetTracesRequest};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint};

pub use http::{get, metric, post};
pub use load::{Load, all_are_there};
pub use program::{Program, refusal, refused, spoor};
pub use raw::{Answer, Call, frame, open_calls};
pub use spans::{export, resource_spans, span, span_count, trace_id};

/// Longer than anything here takes, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A number from the environment.
pub fn from_env(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// A server in this process, on ports and in a directory of its own. It stops when dropped.
pub struct TestServer {
    pub grpc: SocketAddr,
    pub admin: SocketAddr,
    pub archive: Option<SocketAddr>,
    _stop: oneshot::Sender<()>,
    _folder: TempDir,
}

impl TestServer {
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let folder = tempfile::tempdir().unwrap();
        let data_dir = Some(folder.path().to_owned());
        let mut config = Config { listen: any, admin_listen: any, data_dir, ..Config::default() };
        change(&mut config);
        let server = Server::bind(config).await.unwrap();
        let (grpc, admin) = (server.grpc_addr(), server.admin_addr());
        let archive = server.archive_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.serve(async {
            stopped.await.ok();
        }));
        Self { grpc, admin, archive, _stop: stop, _folder: folder }
    }

    pub fn channel(&self) -> Channel {
        channel(self.grpc)
    }

    pub fn writer(&self) -> TraceServiceClient<Channel> {
        TraceServiceClient::new(self.channel())
    }

    pub fn reader(&self) -> TraceReaderClient<Channel> {
        TraceReaderClient::new(self.channel())
    }

    /// Writes a request and expects it to be taken wholly.
    pub async fn write(&self, request: RawTraces) {
        let response = self.writer().export(request).await.unwrap();
        assert_eq!(response.into_inner().partial_success, None);
    }
}

pub fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// A request for one trace.
pub fn by_id(trace: u128) -> GetTracesRequest {
    let params = GetTraceParams { trace_id: trace_id(trace).into(), ..Default::default() };
    GetTracesRequest { query: vec![params] }
}

/// Reads a whole trace.
pub async fn read(reader: &mut TraceReaderClient<Channel>, trace: u128) -> Vec<RawTraces> {
    let mut stream = reader.get_traces(by_id(trace)).await.unwrap().into_inner();
    let mut chunks = Vec::new();
    while let Some(chunk) = stream.message().await.unwrap() {
        chunks.push(chunk);
    }
    chunks
}

/// Tries until it gets an answer, and fails after the deadline.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(Instant::now() < end, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
