//! The SERVER side.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Request, StatusCode, header};
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute::{
    HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE,
    NETWORK_PROTOCOL_VERSION, URL_PATH, URL_QUERY, URL_SCHEME, USER_AGENT_ORIGINAL,
};
use opentelemetry_semantic_conventions::metric::HTTP_SERVER_REQUEST_DURATION;
use tracing::info_span;

use super::{CANCELLED, OTHER_METHOD, known_method, protocol_version, url};
use crate::attributes::{ends, name_of_peer, of_peer};
use crate::call::{Awaited, Convention};
use crate::call_span::{CallSpan, Shared};
use crate::capture::{self, List};
use crate::duration::Metric;
use crate::propagation;
use crate::span::SpanContext;

/// Routes that what watches a service asks for every few seconds: a span of it would be noise.
const UNTRACED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The convention of HTTP servers.
#[derive(Clone, Debug, Default)]
pub struct Server;

impl Convention for Server {
    const REQUEST_HEADERS: List = capture::HTTP_SERVER_REQUEST;
    const RESPONSE_HEADERS: List = capture::HTTP_SERVER_RESPONSE;
    const DURATION: Option<Metric> = Some(Metric {
        name: HTTP_SERVER_REQUEST_DURATION,
        description: "Duration of HTTP server requests.",
    });

    fn start<B>(&self, request: &mut Request<B>, shared: &Arc<Shared>) -> Option<CallSpan> {
        let route = route(request);
        // Without a router the path alone can tell.
        if UNTRACED.contains(&route.unwrap_or(request.uri().path())) {
            return None;
        }
        let method = known_method(request.method());
        let name = Name { method, route };
        let span = info_span!(parent: None, "http.server", otel.name = %name, otel.kind = "server");
        let caller = propagation::caller(request.headers());
        let mut call = CallSpan::continue_from(caller, span, shared);

        // What else a client may call it would be a further series of the metric.
        let scheme = if request.uri().scheme_str() == Some("https") { "https" } else { "http" };
        let noted = [
            Some(KeyValue::new(HTTP_REQUEST_METHOD, method.unwrap_or(OTHER_METHOD))),
            Some(KeyValue::new(URL_SCHEME, scheme)),
            route.map(|route| KeyValue::new(HTTP_ROUTE, Arc::<str>::from(route))),
            Some(KeyValue::new(NETWORK_PROTOCOL_VERSION, protocol_version(request.version()))),
        ];
        call.begin(noted, || {
            let original = method.is_none().then(|| name_of_peer(request.method().as_str()));
            let query = request.uri().query().map(|query| of_peer(&url::redacted_query(query)));
            let agent = request.headers().get(header::USER_AGENT);
            let agent = agent.and_then(|agent| agent.to_str().ok()).map(name_of_peer);
            [
                original.map(|method| KeyValue::new(HTTP_REQUEST_METHOD_ORIGINAL, method)),
                Some(KeyValue::new(URL_PATH, of_peer(request.uri().path()))),
                query.map(|query| KeyValue::new(URL_QUERY, query)),
                agent.map(|agent| KeyValue::new(USER_AGENT_ORIGINAL, agent)),
            ]
            .into_iter()
            .chain(ends(request))
        });
        request.extensions_mut().insert(SpanContext::of(call.context()));
        Some(call)
    }

    fn response(call: &mut CallSpan, status: StatusCode, _headers: &HeaderMap) -> Awaited {
        call.note(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())));
        // A 4xx is the client's error, not this server's.
        if status.is_server_error() {
            call.fail(status.as_str().to_owned(), "");
        }
        Awaited::LastByte
    }

    /// The client went away, which is no more this server's error than a 4xx, or gRPC's CANCELLED:
    /// the status stays unset.
    fn abandoned(call: &mut CallSpan) {
        call.set_error_type(CANCELLED);
    }
}

#[cfg(feature = "axum")]
fn route<B>(request: &Request<B>) -> Option<&str> {
    request.extensions().get().map(axum::extract::MatchedPath::as_str)
}

#[cfg(not(feature = "axum"))]
fn route<B>(_request: &Request<B>) -> Option<&str> {
    None
}

/// A span's name: the method and, if it is known, the route.
struct Name<'a> {
    method: Option<&'static str>,
    route: Option<&'a str>,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.unwrap_or("HTTP"))?;
        match self.route {
            Some(route) => write!(f, " {route}"),
            None => Ok(()),
        }
    }
}
