use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status and the body of a GET request.
pub async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    request(address, "GET", path).await
}

/// The status and the body of a POST request without content.
pub async fn post(address: SocketAddr, path: &str) -> (u16, String) {
    request(address, "POST", path).await
}

/// A metric's value; none while it has no series.
pub async fn metric(admin: SocketAddr, series: &str) -> Option<f64> {
    let (status, text) = get(admin, "/metrics").await;
    assert_eq!(status, 200);
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

async fn request(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    ask(address, method, path).await.unwrap()
}

/// The status and the body, or what came of it; none from a server that has ended.
pub async fn ask(address: SocketAddr, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("{method} {path} HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
