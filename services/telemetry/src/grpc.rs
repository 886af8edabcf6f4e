//! Spans of gRPC calls, by the
//! [RPC conventions](https://opentelemetry.io/docs/specs/semconv/rpc/grpc/) of 1.42: `rpc.method` is
//! the full method and `rpc.response.status_code` the code's name; `rpc.service`, `rpc.system` and
//! `rpc.grpc.status_code` are deprecated.

mod client;
mod deadline;
mod server;
mod status;
#[cfg(test)]
mod tests;

use http::Uri;
use opentelemetry::{KeyValue, StringValue};
use opentelemetry_semantic_conventions::attribute::{RPC_METHOD, RPC_SYSTEM_NAME};

use crate::call::CallLayer;

/// A [`CallLayer`] that makes the calls of a tonic service SERVER spans, named by their full method,
/// such as `demo.v1.Tasks/CpuTask`, if that is one of those the layer is made with: any other could
/// be anything a client made up. Calls of `grpc.health.v1.Health` make none.
///
/// With gRPC-Web, this wraps the service, and the layer that translates is around this: outside of
/// that one, a call's status is in the body of its answer, and the span has none.
///
/// Where HTTP and gRPC share an axum router, this wraps the gRPC service alone, and
/// [`http::ServerLayer`](crate::http::ServerLayer) is given to the router before that service is
/// added: then each request has one span.
pub type ServerLayer = CallLayer<server::Server>;

impl ServerLayer {
    /// The layer of a server that has these full methods.
    pub fn new(methods: &'static [&'static str]) -> Self {
        Self::with_convention(server::Server { methods, continues: false })
    }

    /// The layer of a server that begins no trace: of its calls, those are spans that come with a
    /// sampled one.
    pub fn continuing(methods: &'static [&'static str]) -> Self {
        Self::with_convention(server::Server { methods, continues: true })
    }
}

/// A [`CallLayer`] that makes the calls of a tonic client CLIENT spans; wrap the channel in it.
/// `server.address` is known if the client is made by `with_origin`.
pub type ClientLayer = CallLayer<client::Client>;

/// `rpc.system.name`, and the name of a span that no method may name.
const SYSTEM: &str = "grpc";

/// `/package.Service/Method` without its first slash.
fn full_method(uri: &Uri) -> &str {
    uri.path().trim_start_matches('/')
}

/// What tells of the method, on either side.
fn named(method: impl Into<StringValue>) -> [Option<KeyValue>; 2] {
    [KeyValue::new(RPC_SYSTEM_NAME, SYSTEM), KeyValue::new(RPC_METHOD, method.into())].map(Some)
}
