//! The server's own limit of the time for a read.

use std::time::Duration;

use prost::Message;
use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{Call, Expression, FieldReference, Scalar};
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{FindTraceIDsRequest, FindTracesRequest, TraceQueryParameters};
use tonic::{Code, Status};

use super::support::{self, Program, TestServer, by_id, channel, eventually, export, frame, span};
use super::tracing::calls::{CALLS, call};

/// Spans whose names are searched, of 1 MiB each.
const SPANS: u64 = 4;

/// A pattern that keeps many places of a name in mind and is found in none.
fn hostile() -> Option<TraceQueryParameters> {
    let term = |term| Expression { term: Some(term) };
    let name = FieldReference { level: "span".to_owned(), name: "name".to_owned() };
    let pattern = Scalar { value: "a[a-z]{100}[0-9]".to_owned(), ..Scalar::default() };
    let args = vec![term(Term::Field(name)), term(Term::Scalar(pattern))];
    let filter = Some(Call { op: "regex".to_owned(), args });
    Some(TraceQueryParameters { filter, search_depth: 100, ..Default::default() })
}

/// A program with something to search.
async fn program(settings: &[&str]) -> Program {
    let program = Program::start(settings).await;
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    for id in 1..=SPANS {
        let mut span = span(id.into(), id);
        let letter = |n: u64| char::from(b'a' + (n.wrapping_mul(n + id) >> 3) as u8 % 26);
        span.name = (0..1 << 20).map(letter).collect();
        writer.export(export("app", vec![span])).await.unwrap();
    }
    program
}

async fn find_ids(program: &Program) -> Result<(), Status> {
    let mut reader = TraceReaderClient::new(channel(program.grpc));
    reader.find_trace_i_ds(FindTraceIDsRequest { query: hostile() }).await.map(drop)
}

async fn find(program: &Program) -> Result<(), Status> {
    let mut reader = TraceReaderClient::new(channel(program.grpc));
    let found = reader.find_traces(FindTracesRequest { query: hostile() }).await?;
    found.into_inner().message().await.map(drop)
}

#[tokio::test]
async fn a_search_ends_when_the_servers_time_for_it_is_over() {
    let unlimited = program(&[]).await;
    let before = unlimited.idle().await;
    find_ids(&unlimited).await.unwrap();
    let whole = unlimited.idle().await - before;
    unlimited.kill().await;

    let limited = program(&["read_timeout=20ms"]).await;
    for streamed in [false, true] {
        let before = limited.idle().await;
        let found = if streamed { find(&limited).await } else { find_ids(&limited).await };
        let status = found.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        assert!(status.message().contains("read_timeout"), "{status}");
        let took = limited.idle().await - before;
        assert!(took < whole / 2, "it took {took:?} of the processor, a whole one {whole:?}");
    }
}

#[tokio::test]
async fn every_read_ends_when_the_servers_time_for_it_is_over() {
    let server = TestServer::start(|config| {
        config.archive = true;
        // Less than a timer can tell: what is quicker than its next tick is in time.
        config.read_timeout = Duration::from_nanos(1);
    })
    .await;
    server.write(export("secret", vec![span(1, 1), span(2, 1)])).await;
    for (method, _) in CALLS {
        let late = || async { call(server.grpc, method, None).await.err() };
        let status = eventually(method, late).await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{method}: {status}");
        assert!(status.message().contains("read_timeout"), "{method}: {status}");
    }
}

#[tokio::test]
async fn a_search_ends_when_the_clients_time_for_it_is_over() {
    let program = program(&[]).await;
    let before = program.idle().await;
    find_ids(&program).await.unwrap();
    let whole = program.idle().await - before;

    let searches = [
        ("FindTraceIDs", FindTraceIDsRequest { query: hostile() }.encode_to_vec()),
        ("FindTraces", FindTracesRequest { query: hostile() }.encode_to_vec()),
    ];
    for (method, request) in searches {
        let before = program.idle().await;
        let path = format!("/jaeger.storage.v2.TraceReader/{method}");
        let mut call = support::Call::open(program.grpc, &path, &[("grpc-timeout", "20m")]).await;
        call.send(frame(0, &request));
        let answer = call.end().await;
        assert_eq!(answer.code, Code::DeadlineExceeded, "{method}: {answer:?}");
        assert!(answer.message.contains("client"), "{method}: {answer:?}");
        let took = program.idle().await - before;
        assert!(took < whole / 2, "it took {took:?} of the processor, a whole one {whole:?}");
    }
}

#[tokio::test]
async fn the_time_in_which_a_client_reads_is_not_the_servers() {
    let limit = Duration::from_secs(2);
    let server = TestServer::start(|config| config.read_timeout = limit).await;
    for id in 1..=8 {
        let mut span = span(1, id);
        span.name = "x".repeat(1 << 20);
        server.write(export("app", vec![span])).await;
    }
    let path = "/jaeger.storage.v2.TraceReader/GetTraces";
    let mut call = support::Call::open(server.grpc, path, &[]).await;
    call.send(frame(0, &by_id(1).encode_to_vec()));
    let started = std::time::Instant::now();
    let (_, answer) = call.end_slowly(limit / 100).await;
    assert_eq!(answer.code, Code::Ok, "{answer:?}");
    assert!(started.elapsed() > limit);
}
