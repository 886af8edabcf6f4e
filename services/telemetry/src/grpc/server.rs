//! The SERVER side.

use http::{HeaderMap, Request, StatusCode};
use opentelemetry::trace::TraceContextExt;
use opentelemetry_semantic_conventions::attribute::RPC_METHOD_ORIGINAL;
use tonic::{Code, Status};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{SYSTEM, full_method, set_method, status};
use crate::attributes::set_ends;
use crate::call::Convention;
use crate::propagation;

/// The convention of gRPC servers.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) methods: &'static [&'static str],
    /// Whether only a call that comes with a sampled trace is a span.
    pub(super) continues: bool,
}

impl Convention for Server {
    fn start<B>(&self, request: &mut Request<B>) -> Span {
        let method = full_method(request.uri());
        if method.starts_with("grpc.health.v1.Health/") {
            return Span::none();
        }
        let caller = propagation::caller(request.headers());
        if self.continues && !caller.span().span_context().is_sampled() {
            return Span::none();
        }
        let is_known = self.methods.contains(&method);
        let name = if is_known { method } else { SYSTEM };
        let span = info_span!(parent: None, "rpc.server", otel.name = name, otel.kind = "server");
        set_method(&span, if is_known { method } else { "_OTHER" });
        if !is_known {
            span.set_attribute(RPC_METHOD_ORIGINAL, method.to_owned());
        }
        set_ends(&span, request);
        propagation::continue_from(&span, caller);
        let context = propagation::span_context(&span);
        request.extensions_mut().insert(context);
        span
    }

    fn response(span: &Span, status: StatusCode, headers: &HeaderMap) -> bool {
        status::record_head(span, status, headers, is_error)
    }

    fn trailers(span: &Span, trailers: &HeaderMap) {
        status::record(span, trailers, is_error);
    }

    fn abandoned(span: &Span) {
        status::record_status(span, &Status::cancelled("the client went away"), is_error);
    }
}

/// The other codes tell of the client's mistake, or of nothing wrong at all.
fn is_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
