//! The CLIENT side.

use std::task::{Context, Poll};
use std::{future::Future, pin::Pin};

use http::{HeaderMap, Request, Response, StatusCode};
use opentelemetry_semantic_conventions::attribute::{
    HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_RESPONSE_STATUS_CODE, URL_FULL,
};
use reqwest::{Body, ResponseBuilderExt};
use tower::{Layer, Service, ServiceExt};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{CANCELLED, ClientLayer, known_method, url};
use crate::attributes::{set_callee, set_error};
use crate::call::{Call, Convention};
use crate::propagation;

/// The convention of HTTP clients.
#[derive(Clone, Debug, Default)]
pub struct Outgoing;

impl Convention for Outgoing {
    fn start<B>(&self, request: &mut Request<B>) -> Span {
        let method = known_method(request.method());
        let name = method.unwrap_or("HTTP");
        let span = info_span!("http.client", otel.name = name, otel.kind = "client");
        span.set_attribute(HTTP_REQUEST_METHOD, method.unwrap_or("_OTHER").to_owned());
        if method.is_none() {
            span.set_attribute(HTTP_REQUEST_METHOD_ORIGINAL, request.method().to_string());
        }
        span.set_attribute(URL_FULL, url::redacted(request.uri()));
        set_callee(&span, request.uri());
        propagation::inject(&span, request.headers_mut());
        span
    }

    fn response(span: &Span, status: StatusCode, _headers: &HeaderMap) -> bool {
        span.set_attribute(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
        if status.is_client_error() || status.is_server_error() {
            set_error(span, status.as_str().to_owned(), String::new());
        }
        false
    }

    fn abandoned(span: &Span) {
        set_error(span, CANCELLED.to_owned(), "the call was given up".to_owned());
    }
}

/// A `reqwest::Client` whose requests are CLIENT spans and carry their context.
///
/// A redirect that reqwest follows is part of the same span.
#[derive(Clone, Debug)]
pub struct Client(Call<Reqwest, Outgoing>);

impl Client {
    /// Wraps a client, whose timeouts and limits go on to hold.
    pub fn new(client: reqwest::Client) -> Self {
        Self(ClientLayer::default().layer(Reqwest(client)))
    }

    /// Sends a request. The span ends with the response's body.
    ///
    /// # Errors
    /// Those of [`reqwest::Client::execute`], without their URL: it may hold credentials, and what is
    /// told of an error ends in the span.
    pub async fn execute(
        &self,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let request = Request::try_from(request)?;
        let response = self.0.clone().oneshot(request).await?;
        Ok(response.map(Body::wrap).into())
    }
}

/// reqwest as a service over `http` types.
#[derive(Clone, Debug)]
struct Reqwest(reqwest::Client);

impl Service<Request<Body>> for Reqwest {
    type Response = Response<Body>;
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request)?;
            let response = client.execute(request).await.map_err(reqwest::Error::without_url)?;
            let url = response.url().clone();
            let (mut head, body) = Response::from(response).into_parts();
            // The conversion forgets where the redirects led.
            if let Some(extensions) = Response::builder().url(url).extensions_mut() {
                head.extensions.extend(std::mem::take(extensions));
            }
            Ok(Response::from_parts(head, body))
        })
    }
}
