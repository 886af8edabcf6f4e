//! reqwest's client.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use reqwest::{Body, ResponseBuilderExt};
use tower::{Layer, Service, ServiceExt};

use super::ClientLayer;
use super::client::Outgoing;
use crate::call::Call;

/// A `reqwest::Client` whose requests are CLIENT spans and carry their context.
///
/// A redirect that reqwest follows is part of the same span.
#[derive(Clone, Debug)]
pub struct Client(Call<Reqwest, Outgoing>);

impl Client {
    /// Wraps a client, whose timeouts and limits go on to hold.
    pub fn new(client: reqwest::Client) -> Self {
        Self::with_layer(client, &ClientLayer::default())
    }

    /// The same with a layer that is told which headers to record.
    pub fn with_layer(client: reqwest::Client, layer: &ClientLayer) -> Self {
        Self(layer.layer(Reqwest(client)))
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
