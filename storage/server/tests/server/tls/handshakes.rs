use std::time::Duration;

use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls;

use super::certificates::Authority;
use super::{PATH, client, connect, files_in, put, served};
use crate::support::{Call, DEADLINE, TestServer, eventually, export, metric, span};

const REFUSED: &str = r#"spoor_refused_callers_total{reason="tls_handshake"}"#;

#[tokio::test]
async fn whoever_knows_the_servers_authority_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    put(folder.path(), &authority.server());
    let server = TestServer::start(files_in(folder.path(), false)).await;
    for version in [&TLS12, &TLS13] {
        assert!(served(server.grpc, client(&authority, None, Some(version))).await, "{version:?}");
    }
    let stream = connect(server.grpc, client(&authority, None, None)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert!(!served(server.grpc, client(&other, None, None)).await);
    let mut http1 = client(&authority, None, None);
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    assert!(connect(server.grpc, http1).await.is_err());
}

#[tokio::test]
async fn with_a_client_authority_each_client_needs_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients, other) =
        (Authority::new("servers"), Authority::new("clients"), Authority::new("clients"));
    put(folder.path(), &servers.server());
    std::fs::write(folder.path().join("clients.pem"), &clients.certificate).unwrap();
    let server = TestServer::start(files_in(folder.path(), true)).await;
    let good = clients.client();
    let wrong =
        [None, Some(other.client()), Some(clients.expired_client()), Some(clients.server())];
    for version in [&TLS12, &TLS13] {
        for (number, own) in wrong.iter().enumerate() {
            let config = client(&servers, own.as_ref(), Some(version));
            assert!(!served(server.grpc, config).await, "{number} by {version:?}");
            assert!(served(server.grpc, client(&servers, Some(&good), Some(version))).await);
        }
    }
    assert_eq!(metric(server.admin, REFUSED).await, Some(8.0));
}

#[tokio::test]
async fn a_clients_certificate_is_asked_for_by_every_connection() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("one");
    put(folder.path(), &authority.server());
    std::fs::write(folder.path().join("clients.pem"), &authority.certificate).unwrap();
    let own = authority.client();
    for (clients, kind) in [(false, HandshakeKind::Resumed), (true, HandshakeKind::Full)] {
        let server = TestServer::start(files_in(folder.path(), clients)).await;
        for version in [&TLS12, &TLS13] {
            let config = client(&authority, Some(&own), Some(version));
            // With its answer come the tickets by which a client resumes its session.
            assert!(served(server.grpc, config.clone()).await);
            let again = connect(server.grpc, config).await.unwrap();
            assert_eq!(again.get_ref().1.handshake_kind(), Some(kind), "{clients} {version:?}");
        }
    }
}

#[tokio::test]
async fn a_plain_client_of_a_tls_listener_gets_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("one");
    put(folder.path(), &authority.server());
    let server = TestServer::start(files_in(folder.path(), false)).await;
    let mut plain = server.writer();
    let refused = timeout(DEADLINE, plain.export(export("app", vec![span(1, 1)])));
    refused.await.unwrap().unwrap_err();
    assert!(served(server.grpc, client(&authority, None, None)).await);
    assert_eq!(metric(server.admin, "spoor_store_spans").await, Some(0.0));
    let counted = || async { metric(server.admin, REFUSED).await.filter(|count| *count > 0.0) };
    eventually("the handshake is counted", counted).await;
}

#[tokio::test]
async fn a_tls_client_of_a_plain_listener_gets_no_answer() {
    let authority = Authority::new("one");
    let server = TestServer::start(|_| {}).await;
    let refused = timeout(DEADLINE, connect(server.grpc, client(&authority, None, None)));
    assert!(refused.await.unwrap().is_err());
    server.write(export("app", vec![span(1, 1)])).await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_gives_its_connection_back_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("one");
    put(folder.path(), &authority.server());
    let files = files_in(folder.path(), false);
    let server = TestServer::start(|config| {
        files(config);
        config.max_connections = 1;
        config.client_timeout = Duration::from_millis(500);
    })
    .await;
    // The begin of a record of 512 bytes with a client's first message: more than what a client
    // begins with that needs no TLS.
    let mut hello = vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    hello.resize(200, 0);
    for begin in [vec![], hello] {
        let mut silent = TcpStream::connect(server.grpc).await.unwrap();
        silent.write_all(&begin).await.unwrap();
        let next = served(server.grpc, client(&authority, None, None));
        assert!(timeout(DEADLINE, next).await.unwrap(), "behind {} bytes", begin.len());
        assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0, "it was closed");
    }
    // One that has TLS and then says nothing.
    let silent = connect(server.grpc, client(&authority, None, None)).await.unwrap();
    let next = served(server.grpc, client(&authority, None, None));
    assert!(timeout(DEADLINE, next).await.unwrap());
    drop(silent);
}

#[tokio::test]
async fn a_connection_with_tls_counts_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("one");
    put(folder.path(), &authority.server());
    let server = TestServer::start(files_in(folder.path(), false)).await;
    let stream = connect(server.grpc, client(&authority, None, None)).await.unwrap();
    let call = Call::over(stream, PATH, &[]).await.unwrap();
    assert_eq!(metric(server.admin, "spoor_connections").await, Some(1.0));
    drop(call);
    let ended =
        || async { metric(server.admin, "spoor_connections").await.filter(|count| *count == 0.0) };
    eventually("the connection ends", ended).await;
}
