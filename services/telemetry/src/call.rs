//! One span around one call, whatever its protocol and side.

use std::error::Error;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

use crate::attributes::{set_error, set_transport_error};
use crate::body::TracedBody;

/// What the semantic conventions ask of one side of one protocol.
pub trait Convention {
    /// The span of a request, its context read from or written to the headers; a disabled one for
    /// a request that makes no span.
    fn start<B>(&self, request: &mut Request<B>) -> Span;

    /// The head of the response is there. Returns whether trailers are to tell the outcome.
    fn response(span: &Span, status: StatusCode, headers: &HeaderMap) -> bool;

    /// The body has ended with trailers.
    fn trailers(_span: &Span, _trailers: &HeaderMap) {}

    /// The call was given up before its response, or the trailers that were to tell its outcome.
    fn abandoned(span: &Span);
}

/// Records why a call is dropped: its code panicked, or, unless its outcome is known by now, it was
/// given up.
pub(crate) fn record_drop<C: Convention>(span: &Span, outcome_is_known: bool) {
    if std::thread::panicking() {
        set_error(span, "panic".to_owned(), "the code of the call panicked".to_owned());
    } else if !outcome_is_known {
        C::abandoned(span);
    }
}

/// Makes a service's calls spans.
#[derive(Clone, Debug, Default)]
pub struct CallLayer<C>(pub(crate) C);

impl<S, C: Clone> Layer<S> for CallLayer<C> {
    type Service = Call<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Call { inner, convention: self.0.clone() }
    }
}

/// A service whose calls are spans.
#[derive(Clone, Debug)]
pub struct Call<S, C> {
    inner: S,
    convention: C,
}

impl<S, C, RequestBody, ResponseBody> Service<Request<RequestBody>> for Call<S, C>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>, Error: Error>,
    C: Convention,
{
    type Response = Response<TracedBody<ResponseBody, C>>;
    type Error = S::Error;
    type Future = CallFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let span = self.convention.start(&mut request);
        let response = span.in_scope(|| self.inner.call(request));
        CallFuture { response: response.instrument(span), done: false, convention: PhantomData }
    }
}

pin_project! {
    /// Resolves to the response, whose body holds the span from then on.
    #[derive(Debug)]
    pub struct CallFuture<F, C: Convention> {
        #[pin]
        response: Instrumented<F>,
        done: bool,
        convention: PhantomData<fn() -> C>,
    }

    impl<F, C: Convention> PinnedDrop for CallFuture<F, C> {
        fn drop(this: Pin<&mut Self>) {
            if !this.done {
                record_drop::<C>(this.response.span(), false);
            }
        }
    }
}

impl<F, C, B, E> Future for CallFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: Convention,
    E: Error,
{
    type Output = Result<Response<TracedBody<B, C>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = ready!(this.response.as_mut().poll(context));
        *this.done = true;
        let span = this.response.span();
        Poll::Ready(match result {
            Ok(response) => {
                let awaits_trailers = C::response(span, response.status(), response.headers());
                Ok(response.map(|body| TracedBody::new(body, span.clone(), awaits_trailers)))
            }
            Err(error) => {
                set_transport_error(span, &error);
                Err(error)
            }
        })
    }
}
