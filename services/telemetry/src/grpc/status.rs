//! How a call went, which gRPC tells in trailers, or in headers where there is no message.

use http::{HeaderMap, HeaderName, StatusCode};
use opentelemetry_semantic_conventions::attribute::RPC_RESPONSE_STATUS_CODE;
use tonic::{Code, Status};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::attributes::set_error;

/// Records the status that `headers` hold. Returns whether they do.
pub(super) fn record(span: &Span, headers: &HeaderMap, is_error: fn(Code) -> bool) -> bool {
    let status = status(headers);
    if let Some(status) = &status {
        record_status(span, status, is_error);
    }
    status.is_some()
}

/// Records what the head of a response tells: the status of one without a message, or that
/// something other than a gRPC server gave it. Returns whether the status is still to come.
pub(super) fn record_head(
    span: &Span,
    http_status: StatusCode,
    headers: &HeaderMap,
    is_error: fn(Code) -> bool,
) -> bool {
    if record(span, headers, is_error) {
        return false;
    }
    if http_status != StatusCode::OK {
        set_error(span, http_status.as_str().to_owned(), "not a gRPC response".to_owned());
        return false;
    }
    true
}

pub(super) fn record_status(span: &Span, status: &Status, is_error: fn(Code) -> bool) {
    let code = name(status.code());
    span.set_attribute(RPC_RESPONSE_STATUS_CODE, code);
    if is_error(status.code()) {
        set_error(span, code.to_owned(), status.message().to_owned());
    }
}

/// tonic's parser, given only the two headers of interest: it panics at malformed details.
fn status(headers: &HeaderMap) -> Option<Status> {
    let names = [Status::GRPC_STATUS, Status::GRPC_MESSAGE];
    let known: HeaderMap = names
        .into_iter()
        .filter_map(|name: HeaderName| headers.get(&name).cloned().map(|value| (name, value)))
        .collect();
    Status::from_header_map(&known)
}

/// The name that the gRPC specification gives a code.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
