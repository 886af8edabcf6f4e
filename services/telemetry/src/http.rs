//! Spans of HTTP calls, by the stable
//! [HTTP conventions](https://opentelemetry.io/docs/specs/semconv/http/http-spans/).

mod client;
#[cfg(feature = "reqwest")]
mod reqwest;
mod server;
#[cfg(test)]
mod tests;
mod url;

use http::{Method, Version};

pub use client::ResendCount;
#[cfg(feature = "reqwest")]
pub use reqwest::Client;

use crate::call::CallLayer;

/// A [`CallLayer`] that makes the requests that an axum `Router` answers SERVER spans, named by
/// method and route template.
///
/// Give it to [`Router::layer`](axum::Router::layer), where the route is known. The routes `/healthz`,
/// `/readyz` and `/metrics` make no span. `client.address` is there if the router is served with
/// connect info. The span ends when the last byte of the response has been handed over.
pub type ServerLayer = CallLayer<server::Server>;

/// A [`CallLayer`] that makes the requests of a client service over `http` types, such as
/// hyper-util's, CLIENT spans. For reqwest there is [`Client`].
pub type ClientLayer = CallLayer<client::Outgoing>;

/// The methods that are a span's name; any other could be anything a client made up.
const METHODS: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// What `http.request.method` is for any other.
const OTHER_METHOD: &str = "_OTHER";

/// The method, if it is one that may be recorded and be part of a span's name.
fn known_method(method: &Method) -> Option<&'static str> {
    METHODS.into_iter().find(|known| method == *known)
}

/// `error.type` of a call that was given up before its response; gRPC has a status for it.
const CANCELLED: &str = "cancelled";

fn protocol_version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
