//! Good clients beside a great many others.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use prost::Message;
use spoor_hostile::{Crowd, Kind, raise_open_files};
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::support::{
    DEADLINE, Program, by_id, channel, eventually, export, metric, span, span_count,
};

/// How many others there are, if this process may have so many connections.
const OTHERS: usize = 10_000;
/// What a connection may take of the server's memory, one with another: the least is what HTTP/2
/// has for each, and a task.
const BYTES_EACH: usize = 64 << 10;
/// What beside them may be in memory: exports in flight, spans in no segment yet, queries.
const BYTES: usize = (64 + 2 * 24 + 48) << 20;
/// The good clients, and what each writes and reads.
const CLIENTS: u64 = 4;
const TRACES: u64 = 10;

/// Writes traces by a connection of its own and reads each back, whatever time that takes. What is
/// refused for now is tried again, as the server says.
async fn write_and_read(program: &Program, first: u64) {
    let connection = channel(program.grpc);
    let mut writer = TraceServiceClient::new(connection.clone());
    let mut reader = TraceReaderClient::new(connection);
    for id in first..first + TRACES {
        let exported = export("app", vec![span(id.into(), id)]);
        while let Err(status) = writer.export(exported.clone()).await {
            come_back(&status).await;
        }
        let spans = loop {
            let found = async {
                let mut found = reader.get_traces(by_id(id.into())).await?.into_inner();
                found.message().await
            };
            match found.await {
                Ok(found) => break found.as_ref().map(span_count),
                Err(status) => come_back(&status).await,
            }
        };
        assert_eq!(spans, Some(1), "trace {id}");
    }
}

async fn come_back(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn all_write_and_read(program: &Program, first: u64) -> Duration {
    let began = Instant::now();
    let clients = (0..CLIENTS).map(|client| write_and_read(program, first + client * TRACES));
    // Beside so many, on a machine that is busy besides.
    timeout(DEADLINE * 6, futures::future::join_all(clients)).await.unwrap();
    began.elapsed()
}

fn open_files(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.pid)).unwrap().count()
}

fn resident(program: &Program) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}

/// Writes a trace of 8 MiB, of which slow readers have something to wait for.
async fn write_large(program: &Program) {
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    for id in 1..=8 {
        let mut span = span(1, id);
        span.name = "x".repeat(1 << 20);
        writer.export(export("large", vec![span])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the machine to itself; run by .ci/run"]
async fn good_clients_are_served_beside_ten_thousand_others() {
    // Other tests have some too.
    let others = OTHERS.min(raise_open_files().saturating_sub(2000));
    let mut program = Program::start(&["max_connections=12000"]).await;
    program.ignore_log();
    write_large(&program).await;
    let quiet = all_write_and_read(&program, 1000).await;
    let (files, memory) = (open_files(&program), resident(&program));

    let crowd = Crowd::gather(program.grpc, Kind::mixed().take(others), &by_id(1).encode_to_vec());
    timeout(DEADLINE * 2, crowd.is_there()).await.unwrap();
    let beside = all_write_and_read(&program, 2000).await;
    let connections = metric(program.admin, "spoor_connections").await.unwrap();
    let taken = resident(&program);
    eprintln!(
        "{others} others, {} closed, {connections} connections: {beside:?} after {quiet:?} without; \
         {} MiB after {} MiB",
        crowd.closed(),
        taken >> 20,
        memory >> 20
    );
    assert!(connections >= others as f64 / 2.0, "{connections} connections are open");
    assert!(taken < BYTES + others * BYTES_EACH, "{} MiB", taken >> 20);

    crowd.leave().await;
    // A log and a segment may have come meanwhile.
    eventually("the connections' descriptors come back", || async {
        (open_files(&program) <= files + 16).then_some(())
    })
    .await;
    all_write_and_read(&program, 3000).await;
}

#[tokio::test]
async fn an_answer_that_nobody_reads_holds_no_more_than_was_given_to_http() {
    const READERS: usize = 100;
    let mut program = Program::start(&["max_concurrent_reads=20"]).await;
    program.ignore_log();
    write_large(&program).await;
    let before = resident(&program);
    let readers = std::iter::repeat_n(Kind::SlowReader, READERS);
    let crowd = Crowd::gather(program.grpc, readers, &by_id(1).encode_to_vec());
    let series = r#"spoor_requests_total{rpc="jaeger.storage.v2.TraceReader/GetTraces",code="DeadlineExceeded"}"#;
    eventually("each answer but the last is given up", || async {
        metric(program.admin, series).await.filter(|count| *count >= (READERS - 20) as f64)
    })
    .await;
    let taken = resident(&program).saturating_sub(before);
    assert!(taken < READERS * (256 << 10) + (48 << 20), "{} MiB", taken >> 20);
    crowd.leave().await;
}

/// The longest of all: a client is asked after 20 seconds, and has as many for its answer.
#[tokio::test]
async fn a_good_client_gets_the_place_of_one_that_shows_no_life() {
    let mut program = Program::start(&["max_connections=20", "client_timeout=1h"]).await;
    program.ignore_log();
    let lifeless = std::iter::repeat_n(Kind::Preface, 20);
    let crowd = Crowd::gather(program.grpc, lifeless, &[]);
    timeout(DEADLINE, crowd.is_there()).await.unwrap();
    let taken =
        || async { (metric(program.admin, "spoor_connections").await? == 20.0).then_some(()) };
    eventually("all places are taken", taken).await;
    all_write_and_read(&program, 1000).await;
    assert!(crowd.closed() > 0);
    crowd.leave().await;
}

#[tokio::test]
async fn a_good_client_gets_the_place_of_one_that_does_not_begin() {
    let mut program = Program::start(&["max_connections=20", "client_timeout=500ms"]).await;
    program.ignore_log();
    let silent = [Kind::Silent, Kind::HalfPreface].into_iter().cycle();
    let crowd = Crowd::gather(program.grpc, silent.take(60), &[]);
    timeout(DEADLINE, crowd.is_there()).await.unwrap();
    all_write_and_read(&program, 1000).await;
    assert!(crowd.closed() > 0);
    crowd.leave().await;
}
