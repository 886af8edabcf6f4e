//! The CLIENT side.

use http::{HeaderMap, Request, StatusCode};
use tonic::{Code, Status};
use tracing::{Span, info_span};

use super::{full_method, set_method, status};
use crate::attributes::set_callee;
use crate::call::Convention;
use crate::propagation;

/// The convention of gRPC clients.
#[derive(Clone, Debug, Default)]
pub struct Client;

impl Convention for Client {
    fn start<B>(&self, request: &mut Request<B>) -> Span {
        let method = full_method(request.uri());
        let span = info_span!("rpc.client", otel.name = method, otel.kind = "client");
        set_method(&span, method);
        set_callee(&span, request.uri());
        propagation::inject(&span, request.headers_mut());
        span
    }

    fn response(span: &Span, status: StatusCode, headers: &HeaderMap) -> bool {
        status::record_head(span, status, headers, is_error)
    }

    fn trailers(span: &Span, trailers: &HeaderMap) {
        status::record(span, trailers, is_error);
    }

    fn abandoned(span: &Span) {
        status::record_status(span, &Status::cancelled("the call was given up"), is_error);
    }
}

fn is_error(code: Code) -> bool {
    code != Code::Ok
}
