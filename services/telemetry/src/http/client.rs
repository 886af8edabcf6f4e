//! The CLIENT side.

use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode};
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute::{
    HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_REQUEST_RESEND_COUNT,
    HTTP_RESPONSE_STATUS_CODE, URL_FULL,
};
use tracing::info_span;

use super::{CANCELLED, OTHER_METHOD, known_method, url};
use crate::attributes::{callee, name_of_peer, of_peer};
use crate::call::{Awaited, Convention};
use crate::call_span::{CallSpan, Shared};
use crate::capture::{self, List};
use crate::duration::Metric;
use crate::propagation;

/// An extension of a request that was sent before, for so many times: `http.request.resend_count`
/// of its span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResendCount(pub u32);

/// The convention of HTTP clients.
#[derive(Clone, Debug, Default)]
pub struct Outgoing;

impl Convention for Outgoing {
    const REQUEST_HEADERS: List = capture::HTTP_CLIENT_REQUEST;
    const RESPONSE_HEADERS: List = capture::HTTP_CLIENT_RESPONSE;
    const DURATION: Option<Metric> = None;

    fn start<B>(&self, request: &mut Request<B>, shared: &Arc<Shared>) -> Option<CallSpan> {
        let method = known_method(request.method());
        let name = method.unwrap_or("HTTP");
        let span = info_span!("http.client", otel.name = name, otel.kind = "client");
        let call = CallSpan::start(span, shared);
        call.describe(|| {
            let original = method.is_none().then(|| name_of_peer(request.method().as_str()));
            let resent = request.extensions().get().filter(|ResendCount(count)| *count > 0);
            [
                Some(KeyValue::new(HTTP_REQUEST_METHOD, method.unwrap_or(OTHER_METHOD))),
                original.map(|method| KeyValue::new(HTTP_REQUEST_METHOD_ORIGINAL, method)),
                resent.map(|ResendCount(count)| {
                    KeyValue::new(HTTP_REQUEST_RESEND_COUNT, i64::from(*count))
                }),
                Some(KeyValue::new(URL_FULL, of_peer(&url::redacted(request.uri())))),
            ]
            .into_iter()
            .chain(callee(request.uri()))
        });
        propagation::inject(call.context(), request.headers_mut());
        Some(call)
    }

    fn response(call: &mut CallSpan, status: StatusCode, _headers: &HeaderMap) -> Awaited {
        call.note(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
        if status.is_client_error() || status.is_server_error() {
            call.fail(status.as_str().to_owned(), "");
        }
        Awaited::LastByte
    }

    fn abandoned(call: &mut CallSpan) {
        call.fail(CANCELLED, "the call was given up");
    }
}
