//! Who calls: lets a request in by its token, and tells whose data it is about.
//!
//! The layer stands outside of `admission`, so that nothing is held for an unknown caller. The
//! token comes first: without one, nothing is to be learnt about tenants. What a refusal says is the
//! same for each token, and for each tenant, that is not let in.

mod caller;
mod tenants;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use http::{Request, Response};
use spoor_store::Tenant;
use tonic::body::Body;
use tonic::{Extensions, Status};
use tower::{Layer, Service};

use crate::config::{Config, TokenHash};
use crate::metrics::{self, Metrics};
pub(crate) use caller::BEARER_TOKEN;
use caller::Refusal;
pub(crate) use tenants::Tenants;

/// Whose data a request is about.
///
/// # Errors
/// When the request came by no [`Identity`], which no request does.
pub(crate) fn tenant(extensions: &Extensions) -> Result<Tenant, Status> {
    let tenant = extensions.get::<Tenant>().cloned();
    tenant.ok_or_else(|| Status::internal("the request has no tenant"))
}

/// Who may call a service.
#[derive(Clone)]
pub(crate) struct Identity {
    metrics: Arc<Metrics>,
    tenants: Tenants,
    /// None if nobody needs one.
    tokens: Arc<[TokenHash]>,
}

impl Identity {
    /// Those who read.
    pub(crate) fn of_readers(config: &Config, metrics: &Arc<Metrics>) -> Self {
        Self::new(config, &config.read_tokens, metrics)
    }

    /// Those who write.
    pub(crate) fn of_writers(config: &Config, metrics: &Arc<Metrics>) -> Self {
        Self::new(config, &config.write_tokens, metrics)
    }

    fn new(config: &Config, tokens: &[TokenHash], metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Arc::clone(metrics), tenants: Tenants::new(config), tokens: tokens.into() }
    }

    fn tenant(&self, request: &Request<Body>) -> Result<Tenant, Refusal> {
        caller::check_token(request.headers(), &self.tokens)?;
        self.tenants.of(request.headers())
    }
}

impl<S> Layer<S> for Identity {
    type Service = Identified<S>;

    fn layer(&self, inner: S) -> Identified<S> {
        Identified { inner, identity: self.clone() }
    }
}

/// A service whose callers are known.
#[derive(Clone)]
pub(crate) struct Identified<S> {
    inner: S,
    identity: Identity,
}

impl<S> Service<Request<Body>> for Identified<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.identity.tenant(&request) {
            Ok(tenant) => {
                request.extensions_mut().insert(tenant);
                Either::Left(self.inner.call(request))
            }
            Err(refusal) => {
                let metrics = &self.identity.metrics;
                metrics.refused(refusal.reason());
                let status = Status::from(refusal);
                let path = request.uri().path();
                metrics::Request::begin(Arc::clone(metrics), path).ends_with(status.code());
                Either::Right(ready(Ok(status.into_http())))
            }
        }
    }
}
