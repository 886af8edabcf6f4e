//! What the README promises: a crate of another workspace, made of what it says and nothing else.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use rustix::process::{Pid, Signal, kill_process};
use tonic::transport::Endpoint;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;

const README: &str = include_str!("../README.md");
/// Generous: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// The README's first block of code in this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<String>>>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            let service = attributes.into_iter().find(|it| it.key == "service.name").unwrap();
            let Some(Value::StringValue(service)) = service.value.unwrap().value else { panic!() };
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let labels = spans.map(|span| format!("{service}: {}", span.name));
            self.0.lock().unwrap().extend(labels);
        }
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Receiver {
    async fn start(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = TraceServiceServer::new(self.clone());
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/{method}";
        let router = Router::new().route_service(path, service);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not so in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The folder that a newcomer takes: the package, unpacked.
fn package(target: &Path) -> PathBuf {
    let package = Command::new(env!("CARGO"))
        .args(["package", "--package", "telemetry", "--no-verify", "--allow-dirty"])
        .args(["--offline", "--quiet", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(package.unwrap().success());
    let folder = concat!("telemetry-", env!("CARGO_PKG_VERSION"));
    let packages = target.join("package");
    // With the time of now: that of a package is always the same, and nothing would be built anew.
    let unpack = Command::new("tar")
        .args(["-xzmf", &format!("{folder}.crate")])
        .current_dir(&packages)
        .status();
    assert!(unpack.unwrap().success());
    packages.join(folder)
}

#[test]
fn the_readmes_service_has_at_most_15_lines_of_its_own() {
    let code = block("rust,no_run");
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines = code.lines().filter(is_code).count();
    println!("{lines} lines of code");
    assert!(lines <= 15, "{lines}");
}

#[tokio::test]
#[ignore = "builds a crate with all that it depends on; run by .ci/run"]
async fn a_crate_made_of_the_readme_alone_is_a_traced_service_of_axum_and_tonic() {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outside = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    let path = format!("{:?}", package(&target).to_str().unwrap());
    let dependencies = block("toml").replace("\"telemetry-0.1.0\"", &path);
    assert!(dependencies.contains(&path));
    let package = "[package]\nname = \"outside\"\nedition = \"2024\"\n\n[workspace]\n\n";
    fs::write(outside.path().join("Cargo.toml"), format!("{package}{dependencies}")).unwrap();
    // The versions that are tested, and here already.
    fs::copy(crate_root.join("../../Cargo.lock"), outside.path().join("Cargo.lock")).unwrap();
    fs::create_dir(outside.path().join("src")).unwrap();
    let code = block("rust,no_run").replace("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
    fs::write(outside.path().join("src/main.rs"), code).unwrap();

    let began = Instant::now();
    let build = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--quiet"])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(outside.path())
        .status();
    assert!(build.unwrap().success());
    println!("built in {:.0?}", began.elapsed());

    let receiver = Receiver::default();
    let mut service = Command::new(target.join("debug/outside"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OTEL_") {
            service.env_remove(name);
        }
    }
    let endpoint = format!("http://{}", receiver.start().await);
    service
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_LOGS_EXPORTER", "none")
        .env("OTEL_SERVICE_NAME", "books")
        // Only the end sends spans.
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000");
    let mut running = Running(service.spawn().unwrap());

    let url = format!("http://127.0.0.1:{port}");
    let item = eventually("it answers over HTTP", async || {
        reqwest::get(format!("{url}/items/7")).await.ok()?.text().await.ok()
    });
    assert_eq!(item.await, "an item");
    let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
    let mut client = ServerReflectionClient::new(channel);
    let ask = futures::stream::iter([ServerReflectionRequest::default()]);
    let mut answers = client.server_reflection_info(ask).await.unwrap().into_inner();
    while let Ok(Some(_)) = answers.message().await {}
    kill_process(Pid::from_child(&running.0), Signal::INT).unwrap();
    let ended = eventually("it ends", async || running.0.try_wait().unwrap());
    assert!(ended.await.success());
    let mut spans = receiver.0.lock().unwrap().clone();
    spans.sort();
    let grpc = "books: grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    assert_eq!(spans, ["books: GET /items/{id}", grpc]);
}
