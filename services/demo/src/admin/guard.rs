//! Who is let in.
//!
//! A page that a browser shows can send requests to this machine, too. It is told by the `Origin`
//! that the browser adds; one that has its own name resolve to this machine's address, so as to be of
//! the same origin, by that name in `Host`. An address or `localhost` is a name that nobody else can
//! have.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::{Token, refuse};

pub(super) async fn admit(State(token): State<Token>, request: Request, next: Next) -> Response {
    if !is_to_this_machine(&request) || request.headers().contains_key(ORIGIN) {
        return refuse(StatusCode::FORBIDDEN, "no page of a browser has a say here");
    }
    if !token.is_in(request.headers()) {
        let mut refusal = refuse(StatusCode::UNAUTHORIZED, "expected the admin token");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refusal;
    }
    next.run(request).await
}

/// Whether every name by which the request calls this machine is an address or `localhost`.
fn is_to_this_machine(request: &Request) -> bool {
    // HTTP/2 has it in the URI.
    let in_uri = request.uri().authority().cloned();
    let in_headers = request.headers().get_all(HOST).iter();
    let mut names = in_headers
        .map(|host| Authority::try_from(host.as_bytes()).ok())
        .chain(in_uri.map(Some))
        .peekable();
    names.peek().is_some() && names.all(|name| name.is_some_and(|name| is_own(name.host())))
}

fn is_own(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}
