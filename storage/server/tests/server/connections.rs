use std::time::Duration;

use http::{Request, StatusCode};
use rustix::process::{Resource, getrlimit};
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::{
    DEADLINE, Program, TestServer, channel, eventually, export, frame, get, metric, span,
};

#[tokio::test]
async fn open_connections_are_counted_beside_their_limit() {
    let server = TestServer::start(|config| config.max_connections = 7).await;
    let connections = || metric(server.admin, "spoor_connections");
    assert_eq!(metric(server.admin, "spoor_connections_limit").await, Some(7.0));
    assert_eq!(connections().await, Some(0.0));
    let first = TcpStream::connect(server.grpc).await.unwrap();
    let second = TcpStream::connect(server.grpc).await.unwrap();
    let counted = async |count| {
        while connections().await != Some(count) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, counted(2.0)).await.unwrap();
    drop((first, second));
    timeout(DEADLINE, counted(0.0)).await.unwrap();
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_until_another_ends() {
    let server = TestServer::start(|config| config.max_connections = 1).await;
    let mut first = server.writer();
    first.export(export("app", vec![span(1, 1)])).await.unwrap();
    let mut second = server.writer();
    let waiting = tokio::spawn(async move { second.export(export("app", vec![span(2, 2)])).await });
    // The first goes on meanwhile.
    for id in 3..100 {
        first.export(export("app", vec![span(id.into(), id)])).await.unwrap();
    }
    assert!(!waiting.is_finished());
    drop(first);
    timeout(DEADLINE, waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = TestServer::start(|config| {
        config.max_connections = 1;
        config.client_timeout = Duration::from_millis(300);
    })
    .await;
    let silent = TcpStream::connect(server.grpc).await.unwrap();
    timeout(DEADLINE, server.write(export("app", vec![span(1, 1)]))).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn headers_beyond_their_limit_are_refused_and_the_connection_goes_on() {
    let server = TestServer::start(|_| {}).await;
    let stream = TcpStream::connect(server.grpc).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let too_large = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    // The limit is 16 KiB for all of them.
    for (len, expected) in [(15 << 10, StatusCode::OK), (17 << 10, too_large), (10, StatusCode::OK)]
    {
        let request = Request::post("http://localhost/jaeger.storage.v2.TraceReader/GetServices")
            .header("content-type", "application/grpc")
            .header("x-long", "x".repeat(len))
            .body(())
            .unwrap();
        client = timeout(DEADLINE, client.ready()).await.unwrap().unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data(frame(0, b""), true).ok();
        let answer = timeout(DEADLINE, answer).await.unwrap().unwrap();
        assert_eq!(answer.status(), expected, "{len} bytes");
    }
}

/// More than the admin listener takes at one time, and as many as a program has descriptors.
const ADMIN_IDLE: usize = 100;

#[tokio::test]
async fn silent_connections_to_the_admin_listener_are_closed() {
    let timeout = Duration::from_millis(300);
    let server = TestServer::start(|config| config.client_timeout = timeout).await;
    let mut silent = Vec::new();
    while silent.len() < ADMIN_IDLE {
        silent.push(TcpStream::connect(server.admin).await.unwrap());
    }
    let ready = tokio::time::timeout(DEADLINE, get(server.admin, "/readyz")).await.unwrap();
    assert_eq!(ready.0, 200);
    drop(silent);
}

#[tokio::test]
async fn connections_to_the_admin_listener_that_have_begun_and_say_no_more_are_closed() {
    let timeout = Duration::from_millis(300);
    let server = TestServer::start(|config| config.client_timeout = timeout).await;
    let whole = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for begun in [whole, whole.trim_end()] {
        let mut quiet = Vec::new();
        while quiet.len() < ADMIN_IDLE {
            let mut stream = TcpStream::connect(server.admin).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            quiet.push(stream);
        }
        let ready = tokio::time::timeout(DEADLINE, get(server.admin, "/readyz")).await;
        assert_eq!(ready.expect("there is room again").0, 200, "{begun:?}");
    }
}

#[tokio::test]
async fn idle_connections_to_the_admin_listener_leave_descriptors_for_exports() {
    let program = Program::start_limited("-n 100", &["client_timeout=1h"]).await;
    let open = || std::fs::read_dir(format!("/proc/{}/fd", program.pid)).unwrap().count();
    let before = open();
    // Those beyond the listener's backlog wait.
    let idle: Vec<_> =
        (0..ADMIN_IDLE).map(|_| tokio::spawn(TcpStream::connect(program.admin))).collect();
    // Of the 32 that there is room for; what was open from the start may be closed by now.
    let taken = || async { (open() >= before + 30).then_some(()) };
    eventually("the connections are taken", taken).await;
    for id in 1..=8 {
        let mut writer = TraceServiceClient::new(channel(program.grpc));
        let exported = writer.export(export("app", vec![span(id.into(), id)]));
        timeout(DEADLINE, exported).await.unwrap().unwrap();
    }
    assert!(open() < before + 32 + 16, "{} after {before}", open());
    for idle in idle {
        match idle.is_finished() {
            true => drop(idle.await.unwrap().unwrap()),
            false => idle.abort(),
        }
    }
    let ready = timeout(DEADLINE, get(program.admin, "/readyz")).await.unwrap();
    assert_eq!(ready.0, 200);
}

/// More than the soft limit of one program, and more than the other has connections. This process
/// has as many for both tests at one time.
const IDLE: usize = 250;
/// The descriptors that a program keeps for other things than gRPC's connections: 128, one for each
/// 32 MiB of the 4 GiB that its files may take, and the admin listener's.
const KEPT: u64 = 128 + 128 + 32;

/// Logs are begun, segments made and metrics told while all of these connections are open.
async fn goes_on_beside_idle_connections(program: &Program) {
    let mut writer = TraceServiceClient::new(channel(program.grpc));
    writer.export(export("app", vec![span(1, 1)])).await.unwrap();
    let limit = metric(program.admin, "spoor_connections_limit").await.unwrap();
    let mut idle = Vec::new();
    while idle.len() < IDLE.min(limit as usize - 1) {
        idle.push(TcpStream::connect(program.grpc).await.unwrap());
    }
    // The others wait, some of them beyond the listener's backlog.
    let rest = idle.len()..IDLE;
    let _rest: Vec<_> = rest.map(|_| tokio::spawn(TcpStream::connect(program.grpc))).collect();
    let all_taken = || async {
        let open = metric(program.admin, "spoor_connections").await.unwrap();
        (open >= limit.min(IDLE as f64)).then_some(())
    };
    eventually("the connections are taken", all_taken).await;
    let before = metric(program.admin, "spoor_store_segments").await.unwrap();
    writer.export(export("app", vec![span(2, 2)])).await.unwrap();
    let flushed = || async {
        let segments = metric(program.admin, "spoor_store_segments").await.unwrap();
        (segments > before).then_some(())
    };
    eventually("a head becomes a segment", flushed).await;
    writer.export(export("app", vec![span(3, 3)])).await.unwrap();
    assert_eq!(get(program.admin, "/readyz").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn a_soft_limit_of_open_files_is_raised() {
    let program =
        Program::start_limited("-Sn 100", &["head_max_age=1s", "client_timeout=1h"]).await;
    // It has the hard limit of this process.
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let connections = limit.saturating_sub(KEPT).max(limit / 4).min(1000);
    let told = metric(program.admin, "spoor_connections_limit").await;
    assert_eq!(told, Some(connections as f64));
    goes_on_beside_idle_connections(&program).await;
}

#[tokio::test]
async fn connections_leave_descriptors_for_the_engine() {
    let program = Program::start_limited("-n 400", &["head_max_age=1s", "client_timeout=1h"]).await;
    assert_eq!(metric(program.admin, "spoor_connections_limit").await, Some((400 - KEPT) as f64));
    goes_on_beside_idle_connections(&program).await;
}
