//! The services that this one calls.

use std::time::Duration;

use axum::http::{Request, header};
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use telemetry::http::ResendCount;
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tower::Layer;

use crate::error::Error;
use crate::grpc::{CPU_TASK, QUOTE};
use crate::tasks::pricing_client::PricingClient;
use crate::tasks::tasks_client::TasksClient;
use crate::tasks::{CpuTaskRequest, CpuTaskResponse, QuoteRequest, QuoteResponse};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For one call: over HTTP to the end of its answer, over gRPC to its beginning.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Under way at one time, over HTTP, which takes a connection for each, and as many over gRPC. More
/// wait here, where the time of a call does not run yet.
const MAX_CALLS: usize = 64;

type TracedChannel = <telemetry::grpc::ClientLayer as Layer<Channel>>::Service;

/// Clients whose calls are traced.
#[derive(Debug)]
pub(crate) struct Peers {
    http: telemetry::http::Client,
    http_calls: Semaphore,
    /// Not the same: to answer a gRPC call a service may make a call over HTTP.
    grpc_calls: Semaphore,
    tasks: TasksClient<TracedChannel>,
    pricing: PricingClient<TracedChannel>,
    /// The service itself.
    pub this: Url,
    /// The one that is asked over HTTP.
    pub target_one: Url,
    /// The one that is asked over gRPC.
    pub target_two: Url,
}

impl Peers {
    /// Connects to nobody yet.
    pub fn new(this: Url, target_one: Url, target_two: Url) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            // A proxy of the environment is for the world outside, not for the service next door.
            .no_proxy()
            .build()
            .map_err(|error| Error::upstream("the HTTP client", &error))?;
        let endpoint = Endpoint::from_shared(target_two.to_string())
            .map_err(|error| Error::upstream(target_two.as_str(), &error))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT);
        let channel = telemetry::grpc::ClientLayer::default().layer(endpoint.connect_lazy());
        Ok(Self {
            http: telemetry::http::Client::new(http),
            http_calls: Semaphore::new(MAX_CALLS),
            grpc_calls: Semaphore::new(MAX_CALLS),
            tasks: TasksClient::with_origin(channel.clone(), endpoint.uri().clone()),
            pricing: PricingClient::with_origin(channel, endpoint.uri().clone()),
            this,
            target_one,
            target_two,
        })
    }

    /// The JSON with which `path` of a service answers.
    pub async fn get<T: DeserializeOwned>(&self, service: &Url, path: &str) -> Result<T, Error> {
        self.ask(Method::GET, service, path, None, 0).await
    }

    /// The JSON with which `path` of a service answers `body`, in the try after so many.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        service: &Url,
        path: &str,
        body: Option<Value>,
        tries_before: u32,
    ) -> Result<T, Error> {
        let mut url = service.clone();
        url.set_path(path);
        let call = format!("{method} {url}");
        let failed = |error: reqwest::Error| Error::upstream(&call, &error.without_url());

        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .extension(ResendCount(tries_before));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(body.map_or_else(String::new, |body| body.to_string()))
            .map_err(|error| Error::upstream(&call, &error))?;
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let _permit = permit(&self.http_calls).await;
        let response = self.http.execute(request).await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Error::Upstream {
                call,
                cause: format!("answered {status}"),
                status: Some(status),
            });
        }
        response.json().await.map_err(failed)
    }

    /// Has the second target count primes.
    pub async fn cpu_task(&self, limit: u32) -> Result<CpuTaskResponse, Error> {
        let _permit = permit(&self.grpc_calls).await;
        let answer = self.tasks.clone().cpu_task(CpuTaskRequest { limit }).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(CPU_TASK, &status))
    }

    /// Has the second target say what an order costs.
    pub async fn quote(&self, request: QuoteRequest) -> Result<QuoteResponse, Error> {
        let _permit = permit(&self.grpc_calls).await;
        let answer = self.pricing.clone().quote(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(QUOTE, &status))
    }

    fn failed(&self, method: &str, status: &Status) -> Error {
        Error::Upstream {
            call: format!("{method} of {}", self.target_two),
            cause: format!("answered {:?}: {}", status.code(), status.message()),
            status: None,
        }
    }
}

async fn permit(calls: &Semaphore) -> SemaphorePermit<'_> {
    calls.acquire().await.expect("the semaphore is never closed")
}
