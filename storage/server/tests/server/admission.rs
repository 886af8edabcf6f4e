use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use spoor_proto::storage::GetServicesRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_types::StatusExt;

use super::support::{
    Answer, Call, TestServer, eventually, export, frame, metric, open_calls, read, span,
};

const INFLIGHT: &str = "spoor_export_inflight_bytes";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Sends one request of these bytes and expects it to be invalid.
async fn is_invalid(server: &TestServer, encoding: &str, bytes: &[u8]) -> Answer {
    let mut call = Call::export(server.grpc, &[("grpc-encoding", encoding)]).await;
    call.send(bytes.to_vec());
    let answer = call.end().await;
    assert_eq!(answer.code, Code::InvalidArgument, "{answer:?}");
    answer
}

/// Expects that a good client is served.
async fn serves_others(server: &TestServer) {
    server.write(export("other", vec![span(7, 7)])).await;
    assert!(!read(&mut server.reader(), 7).await.is_empty());
}

#[tokio::test]
async fn what_is_no_grpc_message_is_invalid() {
    let server = TestServer::start(|_| {}).await;
    let good = export("app", vec![span(1, 1)]).0;
    let cases = [
        ("no byte at all", "identity", vec![]),
        ("half a header", "identity", vec![0, 0, 0]),
        ("an unknown flag", "identity", frame(2, &good).to_vec()),
        ("a message cut short", "identity", frame(0, &good)[..good.len()].to_vec()),
        ("bytes behind the message", "identity", [frame(0, &good).as_ref(), b"x"].concat()),
        ("no protobuf", "identity", frame(0, b"\xff\xff\xff").to_vec()),
        ("compressed, but how?", "identity", frame(1, &good).to_vec()),
        ("no gzip", "gzip", frame(1, &good).to_vec()),
        ("gzip cut short", "gzip", frame(1, &gzip(&good)[..20]).to_vec()),
        ("no zstd", "zstd", frame(1, &good).to_vec()),
    ];
    for (what, encoding, bytes) in cases {
        let answer = is_invalid(&server, encoding, &bytes).await;
        assert!(!answer.message.is_empty(), "{what}");
    }
    serves_others(&server).await;
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_by_its_announced_length() {
    let server = TestServer::start(|config| config.max_request_bytes = 1000).await;
    let mut call = Call::export(server.grpc, &[]).await;
    // The header alone, and the request does not end: nothing was waited for.
    call.send(vec![0, 0, 0, 3, 0xe9]);
    let answer = call.answer().await;
    assert_eq!(answer.code, Code::InvalidArgument);
    assert!(answer.message.contains("1000 bytes"), "{}", answer.message);

    // A whole one, by an ordinary client.
    let mut large = span(1, 1);
    large.name = "x".repeat(1000);
    let status = server.writer().export(export("app", vec![large])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);

    // The greatest that is allowed is not refused for its size.
    let mut call = Call::export(server.grpc, &[]).await;
    call.send(frame(0, &[0xff; 1000]));
    assert!(!call.end().await.message.contains("1000 bytes"));
    serves_others(&server).await;
}

#[tokio::test]
async fn a_decompression_bomb_is_invalid() {
    let server = TestServer::start(|_| {}).await;
    let zeros = vec![0; 256 << 20];
    let small = [("gzip", gzip(&zeros)), ("zstd", zstd::bulk::compress(&zeros, 3).unwrap())];
    for (encoding, bomb) in small {
        assert!(bomb.len() < 1 << 20);
        let answer = is_invalid(&server, encoding, &frame(1, &bomb)).await;
        assert!(answer.message.contains("larger than the limit"), "{}", answer.message);
    }
    serves_others(&server).await;
}

#[tokio::test]
async fn an_unknown_encoding_is_unimplemented_and_the_known_ones_are_told() {
    let server = TestServer::start(|_| {}).await;
    let mut call = Call::export(server.grpc, &[("grpc-encoding", "snappy")]).await;
    call.send(frame(1, b"x"));
    let answer = call.end().await;
    assert_eq!(answer.code, Code::Unimplemented);
    assert_eq!(answer.headers["grpc-accept-encoding"], "identity,gzip,zstd");
}

#[tokio::test]
async fn bytes_that_are_not_http2_end_the_connection_and_nothing_else() {
    let server = TestServer::start(|_| {}).await;
    let mut stream = TcpStream::connect(server.grpc).await.unwrap();
    stream.write_all(&[0x16; 1000]).await.unwrap();
    let mut rest = Vec::new();
    // The end may come as a reset, since bytes of ours were left unread.
    stream.read_to_end(&mut rest).await.ok();
    serves_others(&server).await;
}

#[tokio::test]
async fn a_request_that_is_reset_gives_its_bytes_back() {
    let server = TestServer::start(|_| {}).await;
    let mut call = Call::export(server.grpc, &[]).await;
    call.send(vec![0, 0, 0x10, 0, 0]);
    call.send(vec![0; 200 << 10]);
    let taken = |bytes| {
        let admin = server.admin;
        move || async move { metric(admin, INFLIGHT).await.filter(|taken| *taken == bytes) }
    };
    // Those sent, and room for as many.
    eventually("bytes are admitted", taken(f64::from(256 << 10))).await;
    call.reset();
    eventually("the bytes are free again", taken(0.0)).await;
    serves_others(&server).await;
}

#[tokio::test]
async fn a_sender_that_stops_is_given_up() {
    let timeout = Duration::from_millis(200);
    let server = TestServer::start(|config| config.client_timeout = timeout).await;
    let mut call = Call::export(server.grpc, &[]).await;
    call.send(vec![0, 0, 0, 1, 0, 1, 2, 3]);
    assert_eq!(call.answer().await.code, Code::DeadlineExceeded);
    assert_eq!(metric(server.admin, INFLIGHT).await, Some(0.0));
}

#[tokio::test]
async fn beyond_the_bytes_in_flight_clients_are_told_when_to_retry() {
    let server = TestServer::start(|config| {
        config.max_request_bytes = 1 << 20;
        config.max_inflight_bytes = 1 << 20;
    })
    .await;
    let mut greedy = Call::export(server.grpc, &[]).await;
    greedy.send(vec![0, 0, 0x10, 0, 0]);
    greedy.send(vec![0; 1000 << 10]);
    let all = f64::from(1 << 20);
    let full = || async { metric(server.admin, INFLIGHT).await.filter(|taken| *taken == all) };
    eventually("the budget is taken", full).await;

    let status = server.writer().export(export("app", vec![span(1, 1)])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let retry = status.get_details_retry_info().unwrap();
    assert!(retry.retry_delay.unwrap() > Duration::ZERO);

    // Reads have bytes of their own.
    server.reader().get_services(GetServicesRequest {}).await.unwrap();

    greedy.reset();
    let request = export("app", vec![span(1, 1)]);
    let retry = || async { server.writer().export(request.clone()).await.ok() };
    eventually("the retry is taken", retry).await;
}

#[tokio::test]
async fn announcing_bytes_takes_nothing_from_others() {
    let server = TestServer::start(|_| {}).await;
    let mut stalled = Vec::new();
    for _ in 0..16 {
        let mut call = Call::export(server.grpc, &[]).await;
        // The greatest request that is allowed: four of them are all the bytes there are.
        call.send(vec![0, 1, 0, 0, 0]);
        stalled.push(call);
    }
    let admitted = || async { metric(server.admin, INFLIGHT).await.filter(|taken| *taken > 0.0) };
    eventually("the announcers are admitted", admitted).await;
    serves_others(&server).await;
    // Neither from one that sends the most it may.
    let mut large = span(8, 8);
    large.name = "x".repeat(15 << 20);
    server.write(export("large", vec![large])).await;
}

#[tokio::test]
async fn almost_as_many_announcers_as_may_be_open_leave_bytes_for_others() {
    let server = TestServer::start(|_| {}).await;
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let mut announcers = Vec::new();
    for _ in 0..4 {
        announcers.push(open_calls(server.grpc, path, 1000, &[0, 1, 0, 0, 0]).await);
    }
    // Each has 4 KiB, of 64 MiB.
    let all = f64::from(4000 * (4 << 10));
    let admitted = || async { metric(server.admin, INFLIGHT).await.filter(|taken| *taken >= all) };
    eventually("the announcers are admitted", admitted).await;
    let mut large = span(8, 8);
    large.name = "x".repeat(15 << 20);
    server.write(export("large", vec![large])).await;
    serves_others(&server).await;
    drop(announcers);
}

#[tokio::test]
async fn a_slow_sender_that_goes_on_is_served() {
    let timeout = Duration::from_secs(2);
    let server = TestServer::start(|config| config.client_timeout = timeout).await;
    let mut slow = span(1, 1);
    slow.name = "x".repeat(2 << 20);
    let request = frame(0, &export("app", vec![slow]).0);
    let mut call = Call::export(server.grpc, &[]).await;
    let started = Instant::now();
    for piece in request.chunks(512 << 10) {
        call.send(piece.to_vec());
        tokio::time::sleep(timeout / 3).await;
    }
    assert!(started.elapsed() > timeout);
    assert_eq!(call.end().await.code, Code::Ok);
}

#[tokio::test]
async fn a_sender_that_trickles_is_given_up() {
    let timeout = Duration::from_millis(500);
    let server = TestServer::start(|config| config.client_timeout = timeout).await;
    let mut call = Call::export(server.grpc, &[]).await;
    call.send(vec![0, 0, 0x10, 0, 0]);
    for _ in 0..10 {
        call.send(vec![0; 1000]);
        tokio::time::sleep(timeout / 5).await;
    }
    let stopped = Instant::now();
    assert_eq!(call.answer().await.code, Code::DeadlineExceeded);
    assert!(stopped.elapsed() < timeout / 2, "it was given up before it stopped");
}
