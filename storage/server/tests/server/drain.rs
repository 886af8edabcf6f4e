use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::{
    Call, DEADLINE, Program, by_id, channel, eventually, export, get, metric, span, span_count,
};

/// Whether the server refused the request, itself or by HTTP/2: a request that crosses a GOAWAY
/// was not looked at, which tonic's client shows as an internal error.
fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Cancelled)
        || status.code() == Code::Internal && format!("{status:?}").contains("GoAway")
}

/// Writes and reads back until refused. Tells how many writes were acknowledged and read.
async fn write_and_read(channel: Channel, ids: Arc<AtomicU64>, stopping: Arc<AtomicBool>) -> u64 {
    let mut writer = TraceServiceClient::new(channel.clone());
    let mut reader = TraceReaderClient::new(channel);
    let mut read = 0;
    loop {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        let request = export("app", vec![span(id.into(), id)]);
        let written = timeout(DEADLINE, writer.export(request)).await.expect("an answer");
        let refused = match written {
            Err(status) => status,
            Ok(_) => {
                let found = async {
                    let mut found = reader.get_traces(by_id(id.into())).await?.into_inner();
                    found.message().await
                };
                match timeout(DEADLINE, found).await.expect("an answer") {
                    Err(status) => status,
                    Ok(chunk) => {
                        assert_eq!(chunk.as_ref().map(span_count), Some(1), "trace {id} was lost");
                        read += 1;
                        continue;
                    }
                }
            }
        };
        assert!(stopping.load(Ordering::Relaxed), "refused too early: {refused}");
        assert!(is_refusal(&refused), "{refused}");
        return read;
    }
}

#[tokio::test]
async fn under_load_every_request_is_answered_or_refused_and_nothing_acknowledged_is_lost() {
    let program = Program::start(&[]).await;
    let ids = Arc::new(AtomicU64::new(1));
    let stopping = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| channel(program.grpc))
        .flat_map(|channel| [(); 8].map(|()| channel.clone()))
        .map(|channel| tokio::spawn(write_and_read(channel, ids.clone(), stopping.clone())))
        .collect();
    let under_load = || async { (ids.load(Ordering::Relaxed) > 1000).then_some(()) };
    eventually("a thousand requests", under_load).await;
    stopping.store(true, Ordering::Relaxed);
    program.terminate();
    let mut read = 0;
    for client in clients {
        read += client.await.unwrap();
    }
    assert!(read > 500);
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_draining_server_says_so_and_finishes_what_it_began() {
    let program = Program::start(&["drain_timeout=20s"]).await;
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    for id in 1..=8 {
        let mut large = span(1, id);
        large.name = "x".repeat(1 << 20);
        writer.export(export("app", vec![large])).await.unwrap();
    }
    let mut reader = TraceReaderClient::new(channel(program.grpc));
    let mut answer = reader.get_traces(by_id(1)).await.unwrap().into_inner();
    let mut spans = answer.message().await.unwrap().as_ref().map_or(0, span_count);
    let mut health = HealthClient::new(channel(program.grpc))
        .watch(HealthCheckRequest { service: String::new() })
        .await
        .unwrap()
        .into_inner();
    let status = health.message().await.unwrap().unwrap().status();
    assert_eq!(status, ServingStatus::Serving);
    assert_eq!(get(program.admin, "/readyz").await.0, 200);

    program.terminate();
    let status = health.message().await.unwrap().unwrap().status();
    assert_eq!(status, ServingStatus::NotServing);
    drop(health);
    let draining = || async { (get(program.admin, "/readyz").await.0 == 503).then_some(()) };
    eventually("readiness ends", draining).await;
    assert_eq!(get(program.admin, "/healthz").await.0, 200);
    let late = TraceServiceClient::new(channel(program.grpc)).export(export("app", vec![])).await;
    assert_eq!(late.unwrap_err().code(), Code::Unavailable);

    while let Some(chunk) = answer.message().await.unwrap() {
        spans += span_count(&chunk);
    }
    assert_eq!(spans, 8);
    drop((answer, reader, writer));
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server() {
    let program = Program::start(&["drain_timeout=100ms"]).await;
    let _unfinished = unfinished(&program).await;
    program.terminate();
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn who_watches_the_health_does_not_keep_the_server() {
    let program = Program::start(&["drain_timeout=1h"]).await;
    let mut health = HealthClient::new(channel(program.grpc))
        .watch(HealthCheckRequest { service: String::new() })
        .await
        .unwrap()
        .into_inner();
    health.message().await.unwrap().unwrap();
    program.terminate();
    let status = health.message().await.unwrap().unwrap().status();
    assert_eq!(status, ServingStatus::NotServing);
    let end = timeout(DEADLINE, health.message()).await.unwrap();
    assert_eq!(end.unwrap(), None);
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_drain() {
    let program = Program::start(&["drain_timeout=1h"]).await;
    let _unfinished = unfinished(&program).await;
    program.terminate();
    let draining = || async { (get(program.admin, "/readyz").await.0 == 503).then_some(()) };
    eventually("the server drains", draining).await;
    program.terminate();
    assert_eq!(program.ended().await.code(), Some(1));
}

/// A request that the server has begun to read, and whose end never comes.
async fn unfinished(program: &Program) -> Call {
    let mut call = Call::export(program.grpc, &[]).await;
    call.send(vec![0, 0, 0, 1, 0]);
    let begun = || async {
        metric(program.admin, "spoor_export_inflight_bytes").await.filter(|bytes| *bytes > 0.0)
    };
    eventually("the request is read", begun).await;
    call
}
