//! What HTTP and gRPC spans have in common.

use std::error::Error;
use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::{HeaderMap, Request, Uri, header};
use opentelemetry::trace::Status;
use opentelemetry_semantic_conventions::attribute::{
    CLIENT_ADDRESS, ERROR_TYPE, SERVER_ADDRESS, SERVER_PORT,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::error_chain;

/// Marks the span failed, for a reason of few different values.
pub(crate) fn set_error(span: &Span, error_type: String, description: String) {
    span.set_attribute(ERROR_TYPE, error_type);
    span.set_status(Status::error(description));
}

/// Marks the span failed by an error of the transport, told with its causes.
pub(crate) fn set_transport_error<E: Error>(span: &Span, error: &E) {
    set_error(span, std::any::type_name::<E>().to_owned(), error_chain(error));
}

/// Where a client sends to.
pub(crate) fn set_callee(span: &Span, uri: &Uri) {
    let Some(host) = uri.host() else { return };
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    set_server(span, host, Some(uri.port_u16().unwrap_or(default_port)));
}

/// What a server's request tells of both ends: the name it was called by, and who called.
pub(crate) fn set_ends<B>(span: &Span, request: &Request<B>) {
    if let Some(authority) = authority(request.uri(), request.headers()) {
        set_server(span, authority.host(), authority.port_u16());
    }
    if let Some(ConnectInfo(client)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        span.set_attribute(CLIENT_ADDRESS, client.ip().to_string());
    }
}

/// HTTP/2 has it in the URI, HTTP/1 in a header.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<http::uri::Authority> {
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => headers.get(header::HOST)?.to_str().ok()?.parse().ok(),
    }
}

fn set_server(span: &Span, host: &str, port: Option<u16>) {
    // An IPv6 address stands in brackets only within a URI.
    let address = host.trim_start_matches('[').trim_end_matches(']');
    span.set_attribute(SERVER_ADDRESS, address.to_owned());
    if let Some(port) = port {
        span.set_attribute(SERVER_PORT, i64::from(port));
    }
}
