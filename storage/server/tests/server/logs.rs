//! The program's own logs by OTLP.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::support::{Program, get};

/// Hands on what it gets.
struct Backend(mpsc::UnboundedSender<ExportLogsServiceRequest>);

#[tonic::async_trait]
impl LogsService for Backend {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

/// A backend's URL, and what it gets.
async fn backend() -> (String, mpsc::UnboundedReceiver<ExportLogsServiceRequest>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::unbounded_channel();
    let server = tonic::transport::Server::builder()
        .add_service(LogsServiceServer::new(Backend(sender)))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    (url, receiver)
}

/// `service severity scope body` of each record that has come, until now.
fn records(received: &mut mpsc::UnboundedReceiver<ExportLogsServiceRequest>) -> Vec<String> {
    let mut records = Vec::new();
    while let Ok(request) = received.try_recv() {
        for resource in request.resource_logs {
            let attributes = &resource.resource.as_ref().unwrap().attributes;
            let name = attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
            let service = text(name.value.as_ref().unwrap().value.as_ref());
            for scope in &resource.scope_logs {
                let target = &scope.scope.as_ref().unwrap().name;
                records.extend(scope.log_records.iter().map(|record| {
                    let body = text(record.body.as_ref().and_then(|body| body.value.as_ref()));
                    format!("{service} {} {target} {body}", record.severity_text)
                }));
            }
        }
    }
    records
}

fn text(value: Option<&Value>) -> &str {
    match value {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn logs_are_exported_on_request_alone_and_all_of_them_before_the_end() {
    let lines = ["serving", "draining", "stopped"];
    let exported =
        |name: &str| lines.map(|line| format!("{name} INFO spoor::server {line}")).to_vec();
    let on_request = ("OTEL_LOGS_EXPORTER", "otlp");
    for (variables, expected) in [
        (&[][..], vec![]),
        (&[on_request], exported("spoor")),
        (&[on_request, ("OTEL_SERVICE_NAME", "archive")], exported("archive")),
    ] {
        let (url, mut received) = backend().await;
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str());
        let program = Program::start_in(&[variables, &[endpoint]].concat(), &[]).await;
        program.terminate();
        assert_eq!(program.ended().await.code(), Some(0));
        assert_eq!(records(&mut received), expected);
    }
}

#[tokio::test]
async fn a_backend_that_is_down_holds_up_neither_requests_nor_the_end_for_long() {
    let hole = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let silent = hole.local_addr().unwrap();
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    for address in [silent, nobody] {
        let url = format!("http://{address}");
        let variables =
            [("OTEL_LOGS_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
        let program = Program::start_in(&variables, &["log=debug"]).await;
        let (status, _) = get(program.admin, "/readyz").await;
        assert_eq!(status, 200);
        program.terminate();
        let start = Instant::now();
        assert_eq!(program.ended().await.code(), Some(0));
        // Two seconds, and what a busy machine adds.
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
}
