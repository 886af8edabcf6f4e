//! How many requests may be open, and until when one is.

use spoor_proto::storage::GetServicesRequest;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::support::{Call, DEADLINE, TestServer, eventually, frame, open_calls};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const CAPABILITIES: &str = "/jaeger.storage.v2.Capabilities/GetCapabilities";

#[tokio::test]
async fn writes_that_send_nothing_take_no_place_of_reads() {
    let server = TestServer::start(|_| {}).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(open_calls(server.grpc, EXPORT, 1024, &[]).await);
    }
    eventually("no more may be open", || async {
        let mut writer = Call::export(server.grpc, &[]).await;
        writer.send(frame(0, &[]));
        (writer.end().await.code == Code::ResourceExhausted).then_some(())
    })
    .await;
    server.reader().get_services(GetServicesRequest {}).await.unwrap();
}

#[tokio::test]
async fn who_watches_health_has_a_place_as_long_and_takes_none_of_who_checks() {
    let server = TestServer::start(|_| {}).await;
    let mut watching = Vec::new();
    for _ in 0..4 {
        watching.push(open_calls(server.grpc, WATCH, 1024, &frame(0, &[])).await);
    }
    eventually("no more may watch", || async {
        let mut watcher = Call::open(server.grpc, WATCH, &[("grpc-timeout", "100m")]).await;
        watcher.send(frame(0, &[]));
        (watcher.end().await.code == Code::ResourceExhausted).then_some(())
    })
    .await;
    let mut health = HealthClient::new(server.channel());
    health.check(HealthCheckRequest::default()).await.unwrap();
}

/// Asks with this message; tells whether it was refused for now.
async fn is_refused(server: &TestServer, path: &str, message: &[u8]) -> bool {
    let mut call = Call::open(server.grpc, path, &[]).await;
    call.send(frame(0, message));
    call.end().await.code == Code::ResourceExhausted
}

#[tokio::test]
async fn what_anyone_may_ask_takes_nothing_from_what_else_anyone_may() {
    // Nobody is given up while all is opened.
    let server = TestServer::start(|config| config.client_timeout = DEADLINE * 4).await;
    // Each announces the 1 KiB that it may have, and all have 1 MiB.
    let announced = &frame(0, &[0; 1024])[..5];
    // A field with no bytes: an empty name of a service.
    let message = b"\x0a\x00";
    for (path, calls, sent, asked) in [
        (REFLECTION, 4096, &b""[..], &b""[..]),
        (CHECK, 4096, b"", b""),
        (CHECK, 1024, announced, message),
    ] {
        let mut opened = Vec::new();
        for _ in 0..calls / 1024 {
            opened.push(open_calls(server.grpc, path, 1024, sent).await);
        }
        let refused = async || is_refused(&server, path, asked).await.then_some(());
        eventually("no more is taken", refused).await;
        for other in [CHECK, REFLECTION, CAPABILITIES].into_iter().filter(|it| *it != path) {
            assert!(!is_refused(&server, other, asked).await, "{other} beside {path}");
        }
        drop(opened);
        let has_room = async || (!is_refused(&server, path, asked).await).then_some(());
        eventually("there is room again", has_room).await;
    }
}

#[tokio::test]
async fn a_stream_whose_answer_has_ended_is_read_no_further() {
    let server = TestServer::start(|_| {}).await;
    for path in [
        "/jaeger.storage.v1.StreamingSpanWriterPlugin/WriteSpanStream",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let call = Call::open(server.grpc, path, &[("grpc-timeout", "100m")]).await;
        assert_eq!(call.stopped().await, Code::DeadlineExceeded, "{path}");
    }
}
