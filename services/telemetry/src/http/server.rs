//! The SERVER side.

use axum::extract::MatchedPath;
use http::{HeaderMap, Request, StatusCode, header};
use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE, NETWORK_PROTOCOL_VERSION, URL_PATH, URL_QUERY, URL_SCHEME, USER_AGENT_ORIGINAL,
};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{CANCELLED, known_method, protocol_version, url};
use crate::attributes::{set_ends, set_error};
use crate::call::Convention;
use crate::propagation;

/// Routes that what watches a service asks for every few seconds: a span of it would be noise.
const UNTRACED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The convention of HTTP servers.
#[derive(Clone, Debug, Default)]
pub struct Server;

impl Convention for Server {
    fn start<B>(&self, request: &mut Request<B>) -> Span {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        if route.is_some_and(|route| UNTRACED.contains(&route)) {
            return Span::none();
        }
        let method = known_method(request.method());
        let name = [method.or(Some("HTTP")), route].into_iter().flatten().collect::<Vec<_>>();
        let span = info_span!(
            parent: None, "http.server", otel.name = name.join(" "), otel.kind = "server"
        );

        span.set_attribute(HTTP_REQUEST_METHOD, method.unwrap_or("_OTHER").to_owned());
        if method.is_none() {
            span.set_attribute(HTTP_REQUEST_METHOD_ORIGINAL, request.method().to_string());
        }
        if let Some(route) = route {
            span.set_attribute(HTTP_ROUTE, route.to_owned());
        }
        span.set_attribute(URL_SCHEME, request.uri().scheme_str().unwrap_or("http").to_owned());
        span.set_attribute(URL_PATH, request.uri().path().to_owned());
        if let Some(query) = request.uri().query() {
            span.set_attribute(URL_QUERY, url::redacted_query(query));
        }
        span.set_attribute(NETWORK_PROTOCOL_VERSION, protocol_version(request.version()));
        if let Some(agent) = request.headers().get(header::USER_AGENT)
            && let Ok(agent) = agent.to_str()
        {
            span.set_attribute(USER_AGENT_ORIGINAL, agent.to_owned());
        }
        set_ends(&span, request);
        propagation::extract(&span, request.headers());
        let context = propagation::span_context(&span);
        request.extensions_mut().insert(context);
        span
    }

    fn response(span: &Span, status: StatusCode, _headers: &HeaderMap) -> bool {
        span.set_attribute(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
        // A 4xx is the client's error, not this server's.
        if status.is_server_error() {
            set_error(span, status.as_str().to_owned(), String::new());
        }
        false
    }

    /// The client went away, which is no more this server's error than a 4xx, or gRPC's CANCELLED:
    /// the status stays unset.
    fn abandoned(span: &Span) {
        span.set_attribute(ERROR_TYPE, CANCELLED);
    }
}
