use std::net::SocketAddr;

use spoor::config::Engine;
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

const ARCHIVE_SERVICES: [&str; 2] =
    ["jaeger.storage.v1.ArchiveSpanReaderPlugin", "jaeger.storage.v1.ArchiveSpanWriterPlugin"];

#[tokio::test]
async fn health_is_told_for_each_service_by_name_and_for_no_other() {
    let always: Vec<_> = SERVICES.into_iter().chain(V1_SERVICES).chain([""]).collect();
    for archive in [false, true] {
        // The memory engine's writes are watched by nobody.
        for engine in [Engine::Memory, Engine::Embedded] {
            let server = TestServer::start(|config| {
                (config.engine, config.archive) = (engine, archive);
                config.archive_listen = archive.then_some(config.listen);
            })
            .await;
            for address in [server.grpc].into_iter().chain(server.archive) {
                let mut health = HealthClient::new(channel(address));
                let has_archive = archive && address == server.grpc;
                let told = always.iter().map(|name| (*name, true));
                let of_archive = ARCHIVE_SERVICES.map(|name| (name, has_archive));
                for (service, known) in told.chain(of_archive).chain([("no.such.Service", false)]) {
                    let request = HealthCheckRequest { service: service.to_owned() };
                    let told = health.check(request).await;
                    let told = told.map(|it| it.into_inner().status()).map_err(|it| it.code());
                    let expected =
                        if known { Ok(ServingStatus::Serving) } else { Err(Code::NotFound) };
                    assert_eq!(told, expected, "{service} by {engine:?}, archive: {archive}");
                }
            }
        }
    }
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_nothing_else() {
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
            expected.extend(ARCHIVE_SERVICES);
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
