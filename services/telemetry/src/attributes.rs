//! What HTTP and gRPC spans have in common.

use std::net::SocketAddr;

use http::{HeaderMap, Request, Uri, header};
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute::{CLIENT_ADDRESS, SERVER_ADDRESS, SERVER_PORT};

/// The bytes of one text that a peer sends. What is beyond is cut off: a batch that is too large for
/// a receiver is lost as a whole, with the spans of others.
pub(crate) const MAX_LENGTH: usize = 1_024;

/// As much of a peer's text as a span records.
pub(crate) fn of_peer(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_LENGTH)].to_owned()
}

/// Where a client sends to.
pub(crate) fn callee(uri: &Uri) -> [Option<KeyValue>; 2] {
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    server(uri.host(), Some(uri.port_u16().unwrap_or(default_port)))
}

/// What a server's request tells of both ends: the name it was called by, and who called.
pub(crate) fn ends<B>(request: &Request<B>) -> [Option<KeyValue>; 3] {
    let authority = authority(request.uri(), request.headers());
    let port = authority.as_ref().and_then(http::uri::Authority::port_u16);
    let [address, port] = server(authority.as_ref().map(http::uri::Authority::host), port);
    let client = client(request).map(|it| KeyValue::new(CLIENT_ADDRESS, it.ip().to_string()));
    [address, port, client]
}

#[cfg(feature = "axum")]
fn client<B>(request: &Request<B>) -> Option<&SocketAddr> {
    use axum::extract::ConnectInfo;
    request.extensions().get().map(|ConnectInfo(client)| client)
}

#[cfg(not(feature = "axum"))]
fn client<B>(_request: &Request<B>) -> Option<&SocketAddr> {
    None
}

/// HTTP/2 has it in the URI, HTTP/1 in a header.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<http::uri::Authority> {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => headers.get(header::HOST)?.to_str().ok()?.parse().ok(),
    }
}

fn server(host: Option<&str>, port: Option<u16>) -> [Option<KeyValue>; 2] {
    // An IPv6 address stands in brackets only within a URI.
    let address = host.map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let port = address.as_ref().and(port);
    [
        address.map(|address| KeyValue::new(SERVER_ADDRESS, of_peer(address))),
        port.map(|port| KeyValue::new(SERVER_PORT, i64::from(port))),
    ]
}
