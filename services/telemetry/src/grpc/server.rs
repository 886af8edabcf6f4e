//! The SERVER side.

use std::error::Error;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_semantic_conventions::attribute::RPC_METHOD_ORIGINAL;
use opentelemetry_semantic_conventions::metric::RPC_SERVER_CALL_DURATION;
use tonic::Code;
use tracing::{Span, info_span};

use super::{SYSTEM, deadline, full_method, named, status};
use crate::attributes::{ends, of_peer};
use crate::call::{Awaited, Convention};
use crate::call_span::{CallSpan, Shared};
use crate::capture::{self, List};
use crate::duration::Metric;
use crate::propagation;
use crate::span::SpanContext;

/// The convention of gRPC servers.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) methods: &'static [&'static str],
    /// Whether only a call that comes with a sampled trace is a span.
    pub(super) continues: bool,
}

impl Convention for Server {
    const REQUEST_HEADERS: List = capture::GRPC_SERVER_REQUEST;
    const RESPONSE_HEADERS: List = capture::GRPC_SERVER_RESPONSE;
    const DURATION: Option<Metric> = Some(Metric {
        name: RPC_SERVER_CALL_DURATION,
        description: "Measures the duration of an incoming Remote Procedure Call (RPC).",
    });

    fn start<B>(&self, request: &mut Request<B>, shared: &Arc<Shared>) -> Option<CallSpan> {
        let method = full_method(request.uri());
        // What a browser asks before a call is none.
        if method.starts_with("grpc.health.v1.Health/") || request.method() == Method::OPTIONS {
            return None;
        }
        let known = self.methods.iter().copied().find(|known| *known == method);
        let caller = propagation::caller(request.headers());
        let span = if self.continues && !caller.span().span_context().is_sampled() {
            Span::none()
        } else {
            let name = known.unwrap_or(SYSTEM);
            info_span!(parent: None, "rpc.server", otel.name = name, otel.kind = "server")
        };
        let mut call = CallSpan::continue_from(caller, span, shared);

        call.begin(named(known.unwrap_or("_OTHER")), || {
            let original = known.is_none().then(|| of_peer(method));
            [original.map(|method| KeyValue::new(RPC_METHOD_ORIGINAL, method))]
                .into_iter()
                .chain(ends(request))
        });
        call.set_timeout(deadline::timeout(request.headers()));
        request.extensions_mut().insert(SpanContext::of(call.context()));
        Some(call)
    }

    fn response(call: &mut CallSpan, status: StatusCode, headers: &HeaderMap) -> Awaited {
        status::record_head(call, status, headers, is_error)
    }

    fn ended(call: &mut CallSpan, trailers: Option<&HeaderMap>) {
        status::record_end(call, trailers, is_error);
    }

    fn abandoned(call: &mut CallSpan) {
        status::record_abandoned(call, "the client went away", is_error);
    }

    fn failed<E: Error + 'static>(call: &mut CallSpan, error: &E) {
        status::record_failure(call, error, is_error);
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
