//! The CLIENT side.

use std::error::Error;
use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode};
use tonic::Code;
use tracing::info_span;

use super::{deadline, full_method, named, status};
use crate::attributes::callee;
use crate::call::{Awaited, Convention};
use crate::call_span::{CallSpan, Shared};
use crate::capture::{self, List};
use crate::duration::Metric;
use crate::propagation;

/// The convention of gRPC clients.
#[derive(Clone, Debug, Default)]
pub struct Client;

impl Convention for Client {
    const REQUEST_HEADERS: List = capture::GRPC_CLIENT_REQUEST;
    const RESPONSE_HEADERS: List = capture::GRPC_CLIENT_RESPONSE;
    const DURATION: Option<Metric> = None;

    fn start<B>(&self, request: &mut Request<B>, shared: &Arc<Shared>) -> Option<CallSpan> {
        let method = full_method(request.uri());
        let span = info_span!("rpc.client", otel.name = method, otel.kind = "client");
        let mut call = CallSpan::start(span, shared);
        call.describe(|| named(method.to_owned()).into_iter().chain(callee(request.uri())));
        call.set_timeout(deadline::timeout(request.headers()));
        propagation::inject(call.context(), request.headers_mut());
        Some(call)
    }

    fn response(call: &mut CallSpan, status: StatusCode, headers: &HeaderMap) -> Awaited {
        status::record_head(call, status, headers, is_error)
    }

    fn ended(call: &mut CallSpan, trailers: Option<&HeaderMap>) {
        status::record_end(call, trailers, is_error);
    }

    fn abandoned(call: &mut CallSpan) {
        status::record_abandoned(call, "the call was given up", is_error);
    }

    fn failed<E: Error + 'static>(call: &mut CallSpan, error: &E) {
        status::record_failure(call, error, is_error);
    }
}

fn is_error(code: Code) -> bool {
    code != Code::Ok
}
