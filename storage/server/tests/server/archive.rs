//! The archive's own listener.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use spoor::config::{Config, TokenHash};
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::GetServicesRequest;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage_v1::GetTraceRequest;
use spoor_proto::storage_v1::archive_span_reader_plugin_client::ArchiveSpanReaderPluginClient;
use spoor_proto::storage_v1::span_reader_plugin_client::SpanReaderPluginClient;
use tokio::time::timeout;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::{
    DEADLINE, Program, TestServer, by_id, channel, eventually, export, get, metric, post, read,
    span, span_count, trace_id,
};

const WRITES: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
const READS: &str = "jaeger.storage.v2.TraceReader";

fn listens(config: &mut Config) {
    config.archive = true;
    config.archive_listen = Some(([127, 0, 0, 1], 0).into());
}

async fn write(address: SocketAddr, trace: u128) -> Result<(), tonic::Status> {
    let mut writer = TraceServiceClient::new(channel(address));
    writer.export(export("app", vec![span(trace, 1)])).await.map(drop)
}

async fn spans(address: SocketAddr, trace: u128) -> usize {
    read(&mut TraceReaderClient::new(channel(address)), trace).await.iter().map(span_count).sum()
}

/// A request of a tenant's, with a token.
fn by<T>(token: &'static str, tenant: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in [("bearer.token", token), ("x-tenant", tenant)] {
        request.metadata_mut().insert(name, MetadataValue::from_static(value));
    }
    request
}

async fn health(address: SocketAddr, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let told = HealthClient::new(channel(address)).check(request).await;
    told.map(|it| it.into_inner().status()).map_err(|status| status.code())
}

#[tokio::test]
async fn it_serves_what_is_archived_by_either_api_and_nothing_else() {
    let server = TestServer::start(listens).await;
    let archive = server.archive.unwrap();
    write(archive, 1).await.unwrap();
    write(server.grpc, 2).await.unwrap();
    let found = [(archive, 1), (archive, 2), (server.grpc, 1), (server.grpc, 2)];
    for ((address, trace), expected) in found.into_iter().zip([1, 0, 0, 1]) {
        assert_eq!(spans(address, trace).await, expected, "{trace} at {address}");
    }

    let asked = || GetTraceRequest { trace_id: trace_id(1).into(), ..GetTraceRequest::default() };
    let mut v1 = ArchiveSpanReaderPluginClient::new(server.channel());
    let mut archived = v1.get_archive_trace(asked()).await.unwrap().into_inner();
    assert_eq!(archived.message().await.unwrap().unwrap().spans.len(), 1);
    // Jaeger takes the archive for a store like the other since 1.66.
    let mut v1 = SpanReaderPluginClient::new(channel(archive));
    let mut archived = v1.get_trace(asked()).await.unwrap().into_inner();
    assert_eq!(archived.message().await.unwrap().unwrap().spans.len(), 1);
    let mut v1 = ArchiveSpanReaderPluginClient::new(channel(archive));
    assert_eq!(v1.get_archive_trace(asked()).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn it_is_counted_for_itself() {
    let server = TestServer::start(listens).await;
    let archive = server.archive.unwrap();
    for trace in 1..=3 {
        write(archive, trace).await.unwrap();
    }
    write(server.grpc, 4).await.unwrap();
    assert_eq!(spans(archive, 1).await, 1);

    for (of_archive, of_store, rest) in [
        (3.0, 1.0, "spans_accepted_total{service=\"app\"}"),
        (3.0, 1.0, "store_spans"),
        (
            3.0,
            1.0,
            "requests_total{rpc=\"opentelemetry.proto.collector.trace.v1.TraceService/Export\",code=\"Ok\"}",
        ),
        (1_073_741_824.0, 4_294_967_296.0, "store_limit_bytes"),
        (0.0, 0.0, "store_read_only"),
    ] {
        let archive = metric(server.admin, &format!("spoor_archive_{rest}")).await;
        let store = metric(server.admin, &format!("spoor_{rest}")).await;
        assert_eq!((archive, store), (Some(of_archive), Some(of_store)), "{rest}");
    }
    let (_, text) = get(server.admin, "/metrics").await;
    let mut names = BTreeSet::new();
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        assert!(names.insert(name), "twice: {name}");
    }
    assert_eq!(text.match_indices("# EOF").count(), 1);
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn it_has_connections_to_count_only_where_it_listens() {
    for listens in [false, true] {
        let server = TestServer::start(|config| {
            config.archive = true;
            config.archive_listen = listens.then(|| ([127, 0, 0, 1], 0).into());
        })
        .await;
        for (name, value) in [("connections", 0.0), ("connections_limit", 1000.0)] {
            let told = metric(server.admin, &format!("spoor_archive_{name}")).await;
            assert_eq!(told, listens.then_some(value), "{name}");
        }
        assert!(metric(server.admin, "spoor_archive_store_limit_bytes").await.is_some());
        assert!(metric(server.admin, "spoor_connections").await.is_some());
    }
}

#[tokio::test]
async fn it_knows_the_same_callers() {
    let server = TestServer::start(|config| {
        listens(config);
        config.tenant_header = Some("x-tenant".parse().unwrap());
        config.read_tokens = vec![TokenHash::of(b"to-read")];
        config.write_tokens = vec![TokenHash::of(b"to-write")];
    })
    .await;
    let archive = server.archive.unwrap();
    let export = async |token, tenant| {
        let request = by(token, tenant, export("app-of-acme", vec![span(1, 1)]));
        let answer = TraceServiceClient::new(channel(archive)).export(request).await;
        answer.map(drop).map_err(|status| status.code())
    };
    let services = async |token, tenant| {
        let request = by(token, tenant, GetServicesRequest {});
        let answer = TraceReaderClient::new(channel(archive)).get_services(request).await;
        answer.map(|it| it.into_inner().services).map_err(|status| status.code())
    };
    assert_eq!(export("to-read", "acme").await, Err(Code::Unauthenticated));
    assert_eq!(services("to-write", "acme").await, Err(Code::Unauthenticated));
    assert_eq!(services("to-read", "").await, Err(Code::PermissionDenied));
    assert_eq!(export("to-write", "acme").await, Ok(()));
    assert_eq!(services("to-read", "acme").await, Ok(vec!["app-of-acme".to_owned()]));
    assert_eq!(services("to-read", "globex").await, Ok(vec![]));
    let refused = "spoor_archive_refused_callers_total{reason=\"unknown_token\"}";
    assert_eq!(metric(server.admin, refused).await, Some(2.0));
}

#[tokio::test]
async fn it_tells_of_its_own_health() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_owned();
    let server = TestServer::start(|config| {
        listens(config);
        config.data_dir = Some(directory);
    })
    .await;
    let archive = server.archive.unwrap();
    for service in ["", WRITES, READS, "jaeger.storage.v1.SpanReaderPlugin"] {
        assert_eq!(health(archive, service).await, Ok(ServingStatus::Serving), "{service}");
    }

    write(archive, 1).await.unwrap();
    std::fs::remove_dir_all(folder.path().join("archive")).unwrap();
    assert_eq!(write(archive, 2).await.unwrap_err().code(), Code::Unavailable);
    let told =
        async || (health(archive, WRITES).await == Ok(ServingStatus::NotServing)).then_some(());
    eventually("the archive's writes are not served", told).await;
    assert_eq!(health(archive, READS).await, Ok(ServingStatus::Serving));
    assert_eq!(health(server.grpc, WRITES).await, Ok(ServingStatus::Serving));
    let [writer, reader] =
        ["Writer", "Reader"].map(|it| format!("jaeger.storage.v1.ArchiveSpan{it}Plugin"));
    let told = async || {
        (health(server.grpc, &writer).await == Ok(ServingStatus::NotServing)).then_some(())
    };
    eventually("nor are those that come to the store's listener", told).await;
    assert_eq!(health(server.grpc, &reader).await, Ok(ServingStatus::Serving));
    write(server.grpc, 3).await.unwrap();
    let (code, text) = get(server.admin, "/readyz").await;
    assert!(code == 200 && text.contains("read-only"), "{code} {text}");
    assert_eq!(metric(server.admin, "spoor_archive_store_read_only").await, Some(1.0));
}

#[tokio::test]
async fn it_finishes_what_it_began_when_the_server_stops() {
    let settings = ["archive=true", "archive_listen=127.0.0.1:0", "drain_timeout=20s"];
    let program = Program::start(&settings).await;
    let archive = program.archive.unwrap();
    let mut writer = TraceServiceClient::new(channel(archive));
    for id in 1..=8 {
        let mut large = span(1, id);
        large.name = "x".repeat(1 << 20);
        writer.export(export("app", vec![large])).await.unwrap();
    }
    let mut reader = TraceReaderClient::new(channel(archive));
    let mut answer = reader.get_traces(by_id(1)).await.unwrap().into_inner();
    let mut found = answer.message().await.unwrap().as_ref().map_or(0, span_count);
    let watched = HealthCheckRequest { service: String::new() };
    let mut health = HealthClient::new(channel(archive)).watch(watched).await.unwrap().into_inner();
    assert_eq!(health.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    program.terminate();
    let told = timeout(DEADLINE, health.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
    assert!(write(archive, 2).await.is_err());
    while let Some(chunk) = answer.message().await.unwrap() {
        found += span_count(&chunk);
    }
    assert_eq!(found, 8);
    drop((answer, reader, writer, health));
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn purging_empties_the_archive_too() {
    let server = TestServer::start(|config| {
        listens(config);
        config.purge = true;
    })
    .await;
    let archive = server.archive.unwrap();
    write(archive, 1).await.unwrap();
    write(server.grpc, 1).await.unwrap();
    assert_eq!(post(server.admin, "/purge").await.0, 200);
    assert_eq!((spans(archive, 1).await, spans(server.grpc, 1).await), (0, 0));
}
