//! One span around one call, whatever its protocol and side.

use std::error::Error;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderName, Request, Response, StatusCode, header};
use http_body::Body;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::body::TracedBody;
use crate::call_span::{CallSpan, Shared};
use crate::capture::List;
use crate::duration::Metric;
use crate::error_chain;
use crate::timeout::is_timeout;

/// What the semantic conventions ask of one side of one protocol.
pub trait Convention {
    /// The headers of requests that are recorded.
    const REQUEST_HEADERS: List;
    /// The headers of responses that are recorded.
    const RESPONSE_HEADERS: List;
    /// The histogram of how long calls take, on the side that has one.
    const DURATION: Option<Metric>;

    /// The span of a request, its context read from or written to the headers; none for a request
    /// that nothing is to tell of.
    fn start<B>(&self, request: &mut Request<B>, shared: &Arc<Shared>) -> Option<CallSpan>;

    /// The head of the response is there. Returns what is to tell the outcome.
    fn response(call: &mut CallSpan, status: StatusCode, headers: &HeaderMap) -> Awaited;

    /// The body has ended, and was to tell the outcome by its trailers.
    fn ended(_call: &mut CallSpan, _trailers: Option<&HeaderMap>) {}

    /// The call was given up before its response, or what of it was to tell the outcome.
    fn abandoned(call: &mut CallSpan);

    /// There is no response, or only the beginning of one.
    fn failed<E: Error + 'static>(call: &mut CallSpan, error: &E) {
        let name = if is_timeout(error) { TIMEOUT } else { std::any::type_name::<E>() };
        call.fail(name, error_chain(error));
    }
}

/// What is to tell how a call went, once the head of its response is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The head has.
    Nothing,
    /// That the body, if anybody reads it, is read to its end.
    LastByte,
    Trailers,
}

/// `error.type` of a call whose time was over: the example that its definition begins with.
const TIMEOUT: &str = "timeout";

/// Makes a service's calls spans.
///
/// The errors of the service, and of its bodies, are told with their causes, and so must be an
/// [`Error`]; tower's `BoxError` is none. A timeout is recognised in what it wraps, wherever it is
/// set below this layer; one above only drops the call, which is then marked as given up.
///
/// The headers that spans record are those that a variable lists or a method here names; by default
/// none. See [`capture_request_headers`](Self::capture_request_headers).
#[derive(Debug)]
pub struct CallLayer<C> {
    pub(crate) convention: C,
    shared: Arc<Shared>,
}

impl<C: Convention> CallLayer<C> {
    pub(crate) fn with_convention(convention: C) -> Self {
        Self { convention, shared: Arc::new(Shared::new::<C>()) }
    }

    /// Records these headers of a request, or for gRPC its metadata, rather than those that the
    /// variable lists: `OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST`,
    /// `…_CLIENT_REQUEST`, or `OTEL_INSTRUMENTATION_GRPC_CAPTURE_METADATA_SERVER_REQUEST`,
    /// `…_CLIENT_REQUEST`, each with commas between the names.
    ///
    /// A header becomes `http.request.header.NAME`, metadata `rpc.request.metadata.NAME`: an array,
    /// since a header may come more than once. A client's are read after the context was written
    /// to them, so that a span shows what went over the wire to carry it on.
    ///
    /// At most 32 names count. Of all their headers a span has 1,024 bytes, names and values: those
    /// that are named first go before the others. Never recorded are `authorization`, `cookie`,
    /// `proxy-authorization` and `set-cookie`, and any value that the program has marked sensitive.
    #[must_use]
    pub fn capture_request_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        Arc::make_mut(&mut self.shared).capture_requests(C::REQUEST_HEADERS, names);
        self
    }

    /// The same of a response, by the variables that end in `_RESPONSE`, as
    /// `http.response.header.NAME` or `rpc.response.metadata.NAME`. Of a gRPC call, these are the
    /// metadata that come before the messages.
    #[must_use]
    pub fn capture_response_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        Arc::make_mut(&mut self.shared).capture_responses(C::RESPONSE_HEADERS, names);
        self
    }
}

impl<C: Convention + Default> Default for CallLayer<C> {
    fn default() -> Self {
        Self::with_convention(C::default())
    }
}

impl<C: Clone> Clone for CallLayer<C> {
    fn clone(&self) -> Self {
        Self { convention: self.convention.clone(), shared: self.shared.clone() }
    }
}

impl<S, C: Clone> Layer<S> for CallLayer<C> {
    type Service = Call<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        Call { inner, layer: self.clone() }
    }
}

/// A service whose calls are spans.
#[derive(Clone, Debug)]
pub struct Call<S, C> {
    inner: S,
    layer: CallLayer<C>,
}

impl<S, C, RequestBody, ResponseBody> Service<Request<RequestBody>> for Call<S, C>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>, Error: Error + 'static>,
    C: Convention,
    ResponseBody: Body,
{
    type Response = Response<TracedBody<ResponseBody, C>>;
    type Error = S::Error;
    type Future = CallFuture<S::Future, C>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let CallLayer { convention, shared } = &self.layer;
        let mut call = convention.start(&mut request, shared);
        let response = match &mut call {
            Some(call) => {
                call.capture_request(request.headers());
                call.run(|| self.inner.call(request))
            }
            None => self.inner.call(request),
        };
        CallFuture { response: Some(response), call, convention: PhantomData }
    }
}

pin_project! {
    /// Resolves to the response, whose body holds the span from then on.
    #[derive(Debug)]
    pub struct CallFuture<F, C: Convention> {
        // None once it has ended. It is dropped within the span, as all that it did was.
        #[pin]
        response: Option<F>,
        // None for a call that nothing is to tell of, and once the response is there.
        call: Option<CallSpan>,
        convention: PhantomData<fn() -> C>,
    }

    impl<F, C: Convention> PinnedDrop for CallFuture<F, C> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(call) = this.call.as_mut() else { return };
            let has_panicked = call.has_panicked();
            call.run(|| this.response.set(None));
            if has_panicked { call.panicked() } else { C::abandoned(call) }
        }
    }
}

impl<F, C, B, E> Future for CallFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: Convention,
    B: Body,
    E: Error + 'static,
{
    type Output = Result<Response<TracedBody<B, C>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut poll = || {
            let response = this.response.as_mut().as_pin_mut();
            let result = response.expect("what has ended is not polled").poll(context);
            if result.is_ready() {
                this.response.set(None);
            }
            result
        };
        let result = match this.call.as_mut() {
            Some(call) => call.run(poll),
            None => poll(),
        };
        let result = ready!(result);
        let mut call = this.call.take();
        Poll::Ready(match result {
            Ok(response) => {
                let awaited = call.as_mut().map_or(Awaited::Nothing, |call| {
                    call.capture_response(response.headers());
                    C::response(call, response.status(), response.headers())
                });
                let length = length(response.headers());
                Ok(response.map(|body| TracedBody::new(body, call, awaited, length)))
            }
            Err(error) => {
                if let Some(call) = &mut call {
                    C::failed(call, &error);
                }
                Err(error)
            }
        })
    }
}

/// How many bytes the body has, if the headers tell.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
