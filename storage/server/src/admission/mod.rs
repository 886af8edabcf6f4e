//! Lets a request in, or refuses it, before its bytes are buffered.
//!
//! The layer stands before the generated services, which would buffer whatever is sent, and whose
//! own refusal of a large message, `OUT_OF_RANGE`, is one that OTLP clients retry for ever. It
//! reads the gRPC frame itself, admits its bytes as they come, decompresses within bounds, and
//! hands on a plain message. An answer is handed out at the client's pace (`answer`).

mod answer;
mod budget;
mod compression;
mod message;
mod slots;
mod stream;
mod time;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic_types::{ErrorDetails, StatusExt};
use tower::{Layer, Service, ServiceExt};

use crate::metrics::{self, Metrics};
use answer::{Answer, Call};
pub(crate) use budget::Budget;
use compression::Encoding;
use message::Message;
use slots::Slot;
pub(crate) use slots::Slots;
pub(crate) use stream::Held;
use time::Limits;

const GRPC_ENCODING: &str = "grpc-encoding";
const GRPC_ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// How long a request may wait for its turn. Short bursts pass; a longer wait would only hide the
/// overload from the client.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The bytes of a request or an answer that a client must move within its timeout, unless fewer
/// are left: one that only trickles would hold for hours what others wait for.
const PACE: usize = 256 << 10;

/// How many requests of a kind may be open, of all connections. One that is open holds its headers,
/// even if nothing else comes.
pub(crate) const MAX_OPEN: usize = 4096;

/// What a client is told to wait before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A refusal that tells the client to come back, and when.
pub(crate) fn overloaded(message: impl Into<String>, retry_after: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(retry_after));
    Status::with_error_details(tonic::Code::ResourceExhausted, message, details)
}

/// The bounds of one kind of request.
#[derive(Clone)]
pub(crate) struct Admission {
    pub(crate) metrics: Arc<Metrics>,
    /// The bytes of all requests of the kind together.
    pub(crate) budget: Budget,
    /// The bytes of one request, or of one message of a stream, decompressed, and its weight.
    pub(crate) max_bytes: usize,
    /// What a message is admitted for: its length, unless much more is made of its bytes.
    pub(crate) weigh: fn(&[u8]) -> usize,
    /// Whether a request is a stream of messages.
    pub(crate) streamed: bool,
    /// [`MAX_OPEN`] less those that are open.
    pub(crate) open: Arc<Semaphore>,
    /// The requests answered at one time, if they are bounded.
    pub(crate) slots: Option<Slots>,
    /// The messages decompressed at one time: the work is the processor's, and a decoder has
    /// memory of its own.
    pub(crate) decompressions: Arc<Semaphore>,
    /// How long a client may take for each [`PACE`] bytes that it sends or reads.
    pub(crate) client_timeout: Duration,
    /// How long the service may take for an answer, if that is bounded.
    pub(crate) service_timeout: Option<Duration>,
}

impl Admission {
    async fn slot(&self) -> Result<Option<Slot>, Status> {
        match &self.slots {
            Some(slots) => slots.take().await.map(Some),
            None => Ok(None),
        }
    }

    /// The request with its message plain and whole, and the permit for its bytes. Those of a
    /// stream are admitted one by one, as the service asks for them: see [`Held`].
    async fn admit(
        &self,
        request: Request<Body>,
        ended: CancellationToken,
    ) -> Result<(Request<Body>, OwnedSemaphorePermit), Status> {
        let (mut parts, body) = request.into_parts();
        let encoding = Encoding::of(&parts.headers)?;
        describe_plain(&mut parts.headers, encoding);
        if self.streamed {
            let held = Held::default();
            parts.extensions.insert(held.clone());
            let body = stream::body(self.clone(), body, encoding, held, ended);
            return Ok((Request::from_parts(parts, body), self.budget.take_now(0)?));
        }
        let (message, permit) =
            message::read(body, self.max_bytes, &self.budget, self.client_timeout).await?;
        let (bytes, permit) = self.plain(message, permit, encoding).await?;
        Ok((Request::from_parts(parts, message::body(bytes)), permit))
    }

    /// A message's bytes, decompressed, and the permit for its weight in place of that for the
    /// message.
    async fn plain(
        &self,
        message: Message,
        permit: OwnedSemaphorePermit,
        encoding: Option<Encoding>,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
        let (bytes, mut permit) = match (message.compressed, encoding) {
            (false, _) => (message.bytes, permit),
            (true, Some(encoding)) => self.decompress(encoding, message.bytes).await?,
            (true, None) => {
                let reason = "the message is compressed, but grpc-encoding doesn't tell how";
                return Err(Status::invalid_argument(reason));
            }
        };
        let weight = (self.weigh)(&bytes);
        if weight > self.max_bytes {
            let most = self.max_bytes;
            let reason = format!("the request takes more memory than the limit of {most} bytes");
            return Err(Status::invalid_argument(reason));
        }
        // Waits, because a stream would end for a moment's want. Two that wait for each other are
        // refused in the end.
        permit.merge(self.budget.take(weight - bytes.len()).await?);
        Ok((bytes, permit))
    }

    async fn decompress(
        &self,
        encoding: Encoding,
        bytes: Bytes,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
        let turn = Arc::clone(&self.decompressions).acquire_owned().await;
        let _turn = turn.expect("the semaphore is never closed");
        let (budget, max_bytes) = (self.budget.clone(), self.max_bytes);
        tokio::task::spawn_blocking(move || encoding.decompress(&bytes, max_bytes, &budget))
            .await
            .map_err(|error| Status::internal(format!("decompressing the request: {error}")))?
    }
}

/// Makes the headers those of a plain message, whose answer is compressed as it was itself if the
/// client takes that.
fn describe_plain(headers: &mut HeaderMap, encoding: Option<Encoding>) {
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(GRPC_ENCODING);
    let accepted = headers.remove(GRPC_ACCEPT_ENCODING);
    let accepts = |name: &str| {
        let names = accepted.as_ref().and_then(|names| names.to_str().ok());
        names.is_some_and(|names| names.split(',').any(|accepted| accepted.trim() == name))
    };
    if let Some(name) = encoding.map(Encoding::name).filter(|name| accepts(name)) {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(name));
    }
}

impl<S> Layer<S> for Admission {
    type Service = Admitted<S>;

    fn layer(&self, inner: S) -> Admitted<S> {
        Admitted { inner, admission: self.clone() }
    }
}

/// A service whose requests are admitted first.
#[derive(Clone)]
pub(crate) struct Admitted<S> {
    inner: S,
    admission: Admission,
}

impl<S> Service<Request<Body>> for Admitted<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let inner = self.inner.clone();
        let admission = self.admission.clone();
        let mut limits = Limits::new(request.headers(), admission.service_timeout);
        Box::pin(async move {
            let mut record =
                metrics::Request::begin(Arc::clone(&admission.metrics), request.uri().path());
            request.extensions_mut().insert(record.rpc().clone());
            let open = Arc::clone(&admission.open).try_acquire_owned().ok();
            let ended = CancellationToken::new();
            // From here on, so that a call that is given up ends it too.
            let call = Call { open, _messages: ended.clone().drop_guard() };
            let admitted = async {
                if call.open.is_none() {
                    return Err(overloaded(format!("{MAX_OPEN} requests are open"), RETRY_AFTER));
                }
                let admitted = admission.admit(request, ended).await?;
                // Only now, so that a slow sender holds no slot.
                Ok((admission.slot().await?, admitted))
            };
            let answered = async {
                let (slot, (request, _bytes)) = admitted.await?;
                Ok((slot, limits.keep(inner.oneshot(request)).await?))
            };
            let (slot, response) = match answered.await {
                Ok((slot, response)) => (slot, response?),
                Err(status) => (None, Status::into_http(status)),
            };
            if let Some(status) = Status::from_header_map(response.headers()) {
                record.ends_with(status.code());
            }
            let timeout = admission.client_timeout;
            Ok(response
                .map(|body| Body::new(Answer::new(body, slot, record, timeout, limits, call))))
        })
    }
}
