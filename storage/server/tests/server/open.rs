//! How many requests may be open, and until when one is.

use spoor_proto::storage::GetServicesRequest;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::support::{Call, TestServer, eventually, frame, open_calls};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

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
