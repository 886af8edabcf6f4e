//! A proxy between two services that does not know of traces.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::{Authority, Scheme};
use axum::http::{StatusCode, Uri, Version};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

/// Headers of trace context: the W3C's and Jaeger's, by both of which the lab's services hand it on.
const CONTEXT: [&str; 3] = ["traceparent", "tracestate", "uber-trace-id"];

/// Passes on every request, over HTTP/1 and HTTP/2, and with it every header but trace context.
pub struct Proxy {
    url: String,
    target: Arc<OnceLock<Authority>>,
}

impl Proxy {
    /// Starts it as a task of its own. Until it has a target, it refuses what it is asked.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("starting a proxy")?;
        let url = format!("http://{}", listener.local_addr()?);
        let target = Arc::new(OnceLock::new());
        let shared = Arc::clone(&target);
        let router = Router::new().fallback(async move |request| match shared.get() {
            Some(target) => forward(request, target).await,
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        });
        tokio::spawn(async { axum::serve(listener, router).await });
        Ok(Self { url, target })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Passes on to the origin of this URL from now on.
    pub fn forward_to(&self, url: &str) -> anyhow::Result<()> {
        let authority = url.parse::<Uri>()?.into_parts().authority;
        let authority = authority.with_context(|| format!("finding the host of {url}"))?;
        self.target.set(authority).ok().context("the proxy has a target already")
    }
}

async fn forward(mut request: Request, target: &Authority) -> Response {
    for header in CONTEXT {
        request.headers_mut().remove(header);
    }
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(target.clone());
    *request.uri_mut() = Uri::from_parts(uri).expect("a request has a path");
    let http2 = request.version() == Version::HTTP_2;
    let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http::<Body>();
    match client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
