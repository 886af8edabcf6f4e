use std::io;
use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Below what a container's health check is given, so that the failure is told.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Makes a GET request to an `http` URL and expects the status 200.
pub(crate) async fn check(url: &Uri) -> io::Result<()> {
    let status = tokio::time::timeout(TIMEOUT, status_line(url))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer within 2 seconds"))??;
    if status.split(' ').nth(1) == Some("200") { Ok(()) } else { Err(io::Error::other(status)) }
}

async fn status_line(url: &Uri) -> io::Result<String> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    if url.scheme_str() != Some("http") {
        return Err(invalid("the URL is not an http one"));
    }
    let host = url.host().ok_or_else(|| invalid("the URL names no host"))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    // The brackets of an IPv6 address belong to the URL, not to the address.
    let address = (host.trim_matches(['[', ']']), url.port_u16().unwrap_or(80));
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0: the server closes the connection after its answer.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer).await?;
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}
