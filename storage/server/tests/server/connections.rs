use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::{DEADLINE, TestServer, export, metric, span};

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
