//! Who is let in, and what a browser is told with every answer.
//!
//! A page that a browser shows can send requests to this machine, too. One that has its own name
//! resolve to this machine's address, so as to be of the same origin, is told by that name in
//! `Host`. What changes something wants the token, which is in each page of ours and which no other
//! page can read; and it must not say that it comes from elsewhere.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use same_machine::is_to_this_machine;
use subtle::ConstantTimeEq;

use crate::Console;

/// The name of the console among containers, by which no page of the internet can be had.
const OWN_NAME: &str = "console";
/// Of a request: forms and JSON are far smaller.
const MAX_BODY: usize = 64 << 10;
const MAX_URL: usize = 16 << 10;
/// For an answer. A request that is sent to a service has 20 s of it.
const DEADLINE: Duration = Duration::from_secs(60);

const TOKEN: HeaderName = HeaderName::from_static("x-console-token");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const HEADERS: [(HeaderName, &str); 6] = [
    (
        HeaderName::from_static("content-security-policy"),
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    // Nobody else learns which trace was looked at. With `no-referrer`, browsers would name no origin
    // with our own forms either.
    (HeaderName::from_static("referrer-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What a change has to have with it, another one in each process.
pub(crate) struct Token(String);

impl Token {
    pub fn new() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// Of hexadecimal digits.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }

    /// Whether the header has it, or the form's field `token`.
    fn is_with(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        if let Some(given) = headers.get(TOKEN) {
            return self.is(given.as_bytes());
        }
        // Its digits are never encoded.
        let mut given =
            body.split(|byte| *byte == b'&').filter_map(|it| it.strip_prefix(b"token="));
        is_form(headers) && given.next().is_some_and(|given| self.is(given))
    }
}

pub(crate) async fn guard(
    State(console): State<Arc<Console>>,
    request: Request,
    next: Next,
) -> Response {
    let answer = tokio::time::timeout(DEADLINE, admit(&console.token, request, next)).await;
    let late = |_| refuse(StatusCode::GATEWAY_TIMEOUT, "making this page took too long");
    let mut answer = answer.unwrap_or_else(late);
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

async fn admit(token: &Token, request: Request, next: Next) -> Response {
    if !is_to_this_machine(&request, OWN_NAME) {
        let reason = "expected an address or localhost as the host: no other name is this page's";
        return refuse(StatusCode::FORBIDDEN, reason);
    }
    if request.uri().to_string().len() > MAX_URL {
        return refuse(StatusCode::URI_TOO_LONG, "expected a URL of at most 16 KiB");
    }
    if [Method::GET, Method::HEAD].contains(request.method()) {
        return next.run(request).await;
    }
    if is_of_another_page(&request) {
        return refuse(StatusCode::FORBIDDEN, "another page has no say here");
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "expected a body of at most 64 KiB");
    };
    if !token.is_with(&parts.headers, &body) {
        let reason = "expected the token of this console. It has another one since it was started \
                      anew: load the page before again, and send it from there";
        return refuse(StatusCode::FORBIDDEN, reason);
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

fn refuse(status: StatusCode, reason: &'static str) -> Response {
    (status, format!("{reason}\n")).into_response()
}

/// Whether the browser says so. Other programs say nothing.
fn is_of_another_page(request: &Request) -> bool {
    let headers = request.headers();
    let mut sites = headers.get_all(SITE).iter();
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let host = host.or_else(|| Some(request.uri().authority()?.as_str().as_bytes()));
    let is_ours = |origin: &HeaderValue| {
        let origin = origin.as_bytes().strip_prefix(b"http://");
        origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
    };
    sites.any(|site| site != "same-origin" && site != "none")
        || !headers.get_all(ORIGIN).iter().all(is_ours)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/x-www-form-urlencoded"))
}
