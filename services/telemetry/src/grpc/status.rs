//! How a call went, which gRPC tells in trailers, or in headers where there is no message.

use std::error::Error;

use http::{HeaderMap, HeaderName, StatusCode, header};
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute::RPC_RESPONSE_STATUS_CODE;
use tonic::{Code, ConnectError, Status};

use crate::attributes::of_peer;
use crate::call::Awaited;
use crate::call_span::CallSpan;
use crate::error_chain;
use crate::timeout::is_deadline;

/// Records the status that `headers` hold. Returns whether they do.
fn record(call: &mut CallSpan, headers: &HeaderMap, is_error: fn(Code) -> bool) -> bool {
    // Of a call that went well there is no more to read, and the parser copies what it is given.
    if headers.get(Status::GRPC_STATUS).is_some_and(|code| code == "0") {
        record_status(call, Code::Ok, "", is_error);
        return true;
    }
    let status = status(headers);
    if let Some(status) = &status {
        record_status(call, status.code(), status.message(), is_error);
    }
    status.is_some()
}

/// Begins the types of gRPC-Web's content.
const WEB: &[u8] = b"application/grpc-web";

/// Records what the head of a response tells: the status of one without a message, or that
/// something other than a gRPC server gave it. Returns whether the status is still to come.
pub(super) fn record_head(
    call: &mut CallSpan,
    http_status: StatusCode,
    headers: &HeaderMap,
    is_error: fn(Code) -> bool,
) -> Awaited {
    if record(call, headers, is_error) {
        return Awaited::Nothing;
    }
    if http_status != StatusCode::OK {
        call.fail(http_status.as_str().to_owned(), "not a gRPC response");
        return Awaited::Nothing;
    }
    // gRPC-Web has its status within the body, where nothing is read.
    let is_web = headers.get(header::CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(WEB));
    if is_web { Awaited::LastByte } else { Awaited::Trailers }
}

/// Records the status that the trailers hold, or that there is none: of such a call, tonic tells its
/// caller the same.
pub(super) fn record_end(
    call: &mut CallSpan,
    trailers: Option<&HeaderMap>,
    is_error: fn(Code) -> bool,
) {
    if !trailers.is_some_and(|trailers| record(call, trailers, is_error)) {
        record_status(call, Code::Unknown, "the answer ended without a status", is_error);
    }
}

/// Records that a call was given up for `reason`, or because its deadline was over.
pub(super) fn record_abandoned(
    call: &mut CallSpan,
    reason: &'static str,
    is_error: fn(Code) -> bool,
) {
    if call.is_overdue() {
        record_status(call, Code::DeadlineExceeded, "the deadline is over", is_error);
    } else {
        record_status(call, Code::Cancelled, reason, is_error);
    }
}

/// Records that there is no response, or only the beginning of one: with the code that tonic tells its
/// caller, but of a deadline. Of that tonic tells CANCELLED; the specification has a code for it.
pub(super) fn record_failure<E: Error + 'static>(
    call: &mut CallSpan,
    error: &E,
    is_error: fn(Code) -> bool,
) {
    let told = causes(error).find_map(code);
    match causes(error).find_map(|error| error.downcast_ref::<Status>()) {
        Some(status) if told != Some(Code::DeadlineExceeded) => {
            record_status(call, status.code(), status.message(), is_error);
        }
        _ => record_status(call, told.unwrap_or(Code::Unknown), &error_chain(error), is_error),
    }
}

/// The code of an error that is no status, as [`Status::from_error`] has it: that one wants to own the
/// error, which is the caller's.
fn code(error: &(dyn Error + 'static)) -> Option<Code> {
    if is_deadline(error) {
        Some(Code::DeadlineExceeded)
    } else if error.is::<ConnectError>() {
        Some(Code::Unavailable)
    } else if let Some(error) = error.downcast_ref::<hyper::Error>() {
        // A peer that answers no pings.
        let lost = error.is_timeout().then_some(Code::Unavailable);
        lost.or(error.is_canceled().then_some(Code::Cancelled))
    } else {
        let reason = error.downcast_ref::<h2::Error>()?.reason();
        let code = |reason| Status::from_error(Box::new(h2::Error::from(reason))).code();
        Some(reason.map_or(Code::Unknown, code))
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

fn record_status(call: &mut CallSpan, code: Code, message: &str, is_error: fn(Code) -> bool) {
    let name = name(code);
    call.note(KeyValue::new(RPC_RESPONSE_STATUS_CODE, name));
    if is_error(code) {
        call.fail(name, of_peer(message));
    }
}

/// tonic's parser, given only the two headers of interest: it panics at malformed details.
fn status(headers: &HeaderMap) -> Option<Status> {
    headers.get(Status::GRPC_STATUS)?;
    let names = [Status::GRPC_STATUS, Status::GRPC_MESSAGE];
    let known: HeaderMap = names
        .into_iter()
        .filter_map(|name: HeaderName| headers.get(&name).cloned().map(|value| (name, value)))
        .collect();
    Status::from_header_map(&known)
}

/// The name that the gRPC specification gives a code.
pub(super) fn name(code: Code) -> &'static str {
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
