//! OpenTelemetry for a service in one call: traces, metrics and logs by OTLP, logs that name their
//! trace, and context that crosses HTTP and gRPC by itself.
//!
//! - [`init`] sets up everything that is one per process and is configured by the standard
//!   [`OTEL_*` variables](variables) and `RUST_LOG`; [`init_logs`] does so for a program that makes no
//!   spans, and [`init_continuing`] for one that only continues the traces of its callers.
//! - [`http::ServerLayer`] and [`http::Client`], [`grpc::ServerLayer`] and [`grpc::ClientLayer`]
//!   make the spans, named and filled as the semantic conventions say, and carry their context. A
//!   handler sees nothing of it; one that wants its own span's ids, or spans below it, finds the
//!   [`SpanContext`] among the request's extensions.
//! - Every log line written inside a span ends in its `trace_id` and `span_id`, and the record that is
//!   exported of it has them, too.
//! - [`SpanRecorder`] is a span recorded by hand, for code that uses no `tracing`; `testing`, a
//!   feature, compares the spans of a test with a tree.
//! - Of a server's calls, `http.server.request.duration` and `rpc.server.call.duration` are recorded
//!   with OpenTelemetry's global meter provider, sampled or not.
//!
//! It makes no choice of a sampler, a propagator or an exporter: those are the variables'.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//!
//! let telemetry = telemetry::init(&telemetry::service_name("shop"), telemetry::LogFormat::Text)?;
//! let app: Router = Router::new()
//!     .route("/items/{id}", get(async || "an item"))
//!     .layer(telemetry::http::ServerLayer::default());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
//! axum::serve(listener, app).await?;
//! telemetry.shutdown(std::time::Duration::from_secs(3));
//! # Ok(())
//! # }
//! ```

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod attributes;
mod body;
mod call;
mod call_span;
mod capture;
mod duration;
mod environment;
mod error;
mod export;
pub mod grpc;
mod guard;
pub mod http;
mod init;
mod log;
mod panics;
mod propagation;
mod sampling;
mod span;
mod subscriber;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod timeout;

#[doc = include_str!("../VARIABLES.md")]
pub mod variables {}

/// The code of `src/generated` is committed, so that a build needs no `protoc`. After a change to
/// the `.proto` file, `UPDATE_GENERATED=1 cargo test -p telemetry` writes it anew.
#[allow(missing_docs, clippy::all)]
mod sampling_api {
    include!("generated/jaeger.api_v2.rs");
}

pub use body::TracedBody;
pub use call::{Call, CallFuture, CallLayer};
pub use environment::{service_name, service_version};
pub use error::{InitError, error_chain};
pub use guard::Guard;
pub use init::{init, init_continuing, init_logs};
pub use log::{LogFormat, UnknownLogFormat};
/// An attribute of a span or of an event.
pub use opentelemetry::KeyValue;
pub use span::{SpanContext, SpanRecorder};
