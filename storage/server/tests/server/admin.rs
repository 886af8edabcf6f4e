use std::net::SocketAddr;

use spoor_proto::storage::GetServicesRequest;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::support::{Program, TestServer, channel, export, get, post, span, spoor};

const SERVICES: [&str; 4] = [
    "jaeger.storage.v2.Capabilities",
    "jaeger.storage.v2.DependencyReader",
    "jaeger.storage.v2.TraceReader",
    "opentelemetry.proto.collector.trace.v1.TraceService",
];

const V1_SERVICES: [&str; 5] = [
    "jaeger.storage.v1.DependenciesReaderPlugin",
    "jaeger.storage.v1.PluginCapabilities",
    "jaeger.storage.v1.SpanReaderPlugin",
    "jaeger.storage.v1.SpanWriterPlugin",
    "jaeger.storage.v1.StreamingSpanWriterPlugin",
];

#[tokio::test]
async fn health_is_told_for_each_service_by_name() {
    let server = TestServer::start(|_| {}).await;
    let mut health = HealthClient::new(server.channel());
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.to_owned() };
        let response = health.check(request).await.unwrap().into_inner();
        assert_eq!(response.status(), ServingStatus::Serving, "{service}");
    }
    let request = HealthCheckRequest { service: "no.such.Service".to_owned() };
    assert_eq!(health.check(request).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_nothing_else() {
    let archive_services =
        ["jaeger.storage.v1.ArchiveSpanReaderPlugin", "jaeger.storage.v1.ArchiveSpanWriterPlugin"];
    for archive in [false, true] {
        let server = TestServer::start(|config| {
            config.archive = archive;
            config.archive_listen = archive.then(|| "127.0.0.1:0".parse().unwrap());
        })
        .await;
        let mut expected: Vec<_> = SERVICES.into_iter().chain(V1_SERVICES).collect();
        expected.push("grpc.health.v1.Health");
        if let Some(address) = server.archive {
            assert_eq!(listed(address).await, sorted(expected.clone()));
            expected.extend(archive_services);
        }
        assert_eq!(listed(server.grpc).await, sorted(expected));
    }
}

fn sorted(mut names: Vec<&str>) -> Vec<String> {
    names.sort_unstable();
    names.into_iter().map(str::to_owned).collect()
}

/// The services that reflection lists.
async fn listed(address: SocketAddr) -> Vec<String> {
    let request = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut answers = ServerReflectionClient::new(channel(address))
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = answer else {
        panic!("another answer: {answer:?}");
    };
    let mut names: Vec<_> = listed.service.into_iter().map(|listed| listed.name).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn purging_is_there_only_when_configured() {
    for (purge, posted, got) in [(false, 404, 404), (true, 200, 405)] {
        let server = TestServer::start(|config| config.purge = purge).await;
        server.write(export("app", vec![span(1, 1)])).await;
        assert_eq!(get(server.admin, "/purge").await.0, got);
        assert_eq!(post(server.admin, "/purge").await.0, posted);
        let services = server.reader().get_services(GetServicesRequest {}).await.unwrap();
        assert_eq!(services.into_inner().services.is_empty(), purge);
    }
}

#[tokio::test]
async fn the_program_checks_the_health_of_another() {
    let program = Program::start(&[]).await;
    let url = |path: &str| format!("http://{}{path}", program.admin);
    let nowhere = "http://127.0.0.1:1/readyz".to_owned();
    let https = "https://127.0.0.1/".to_owned();
    for (url, code) in
        [(url("/readyz"), 0), (url("/healthz"), 0), (url("/nothing"), 1), (nowhere, 1), (https, 1)]
    {
        let output = spoor().args(["healthcheck", &url]).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{url}");
    }
}
