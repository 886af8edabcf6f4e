//! What a page that a browser shows may have sent.
//!
//! It can send requests to this machine, too. It is told by the `Origin` that the browser adds; one
//! that has its own name resolve to this machine's address, so as to be of the same origin, by that
//! name in `Host`. An address, `localhost` and the name of the part itself, by which others in the
//! same network of containers call it, are names that nobody else can have.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;

/// Whether a page may have had its browser send this to the part named `own`.
pub fn may_be_of_a_page(request: &Request, own: &str) -> bool {
    request.headers().contains_key(ORIGIN) || !is_to_this_machine(request, own)
}

/// Whether every name by which the request calls this machine is its own.
fn is_to_this_machine(request: &Request, own: &str) -> bool {
    // HTTP/2 has it in the URI.
    let in_uri = request.uri().authority().cloned();
    let in_headers = request.headers().get_all(HOST).iter();
    let mut names = in_headers
        .map(|host| Authority::try_from(host.as_bytes()).ok())
        .chain(in_uri.map(Some))
        .peekable();
    names.peek().is_some() && names.all(|name| name.is_some_and(|name| is_own(name.host(), own)))
}

fn is_own(name: &str, own: &str) -> bool {
    // With a dot, it could be a name of the internet.
    let is_own = name.eq_ignore_ascii_case(own) && !own.contains('.');
    let address = name.trim_start_matches('[').trim_end_matches(']');
    is_own || name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}
