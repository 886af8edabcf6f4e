use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tonic::{Code, Status};

use super::PACE;
use crate::metrics;

/// The most bytes given to HTTP/2 at one time, where a client that doesn't read can hold them
/// beyond our reach.
const SLICE: usize = 32 << 10;

/// A response's body, given out as fast as the client reads it.
///
/// HTTP/2 asks for more only when the client has taken what it was given. A client that lets it
/// wait for the timeout before the next [`PACE`] bytes, or the last ones, are taken loses the
/// answer's rest, so that it can't hold the memory and the slot that others wait for; when it
/// reads again, the answer ends with `DEADLINE_EXCEEDED`.
#[derive(Debug)]
pub(super) struct Answer {
    state: Arc<Mutex<State>>,
    _watch: AbortOnDropHandle<()>,
}

#[derive(Debug)]
enum State {
    Live(Live),
    /// Given up: its status is still to be told, then nothing.
    Stalled(Option<Status>),
}

#[derive(Debug)]
struct Live {
    body: Body,
    /// What the body gave and HTTP/2 was not given yet.
    rest: Bytes,
    /// Since when the client has not asked for more.
    unread_since: Option<Instant>,
    /// How long it let the last bytes wait before, and how many of [`PACE`] are still missing.
    waited: Duration,
    missing: usize,
    record: metrics::Request,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Answer {
    pub(super) fn new(
        body: Body,
        slot: Option<OwnedSemaphorePermit>,
        record: metrics::Request,
        timeout: Duration,
    ) -> Self {
        let live = Live {
            body,
            rest: Bytes::new(),
            unread_since: None,
            waited: Duration::ZERO,
            missing: PACE,
            record,
            _slot: slot,
        };
        let state = Arc::new(Mutex::new(State::Live(live)));
        let watch = AbortOnDropHandle::new(tokio::spawn(watch(Arc::clone(&state), timeout)));
        Self { state, _watch: watch }
    }
}

/// Gives the answer up once the client has let it wait for the timeout.
async fn watch(state: Arc<Mutex<State>>, timeout: Duration) {
    let mut next = Instant::now() + timeout;
    loop {
        tokio::time::sleep_until(next).await;
        let now = Instant::now();
        let mut state = lock(&state);
        let State::Live(live) = &mut *state else { return };
        let waited = live.waited + live.unread_since.map_or(Duration::ZERO, |since| now - since);
        if waited < timeout {
            next = now + (timeout - waited);
            continue;
        }
        live.record.ends_with(Code::DeadlineExceeded);
        tracing::info!(?timeout, "gave up an answer that the client read too slowly");
        let status = Status::deadline_exceeded("the answer was read too slowly");
        *state = State::Stalled(Some(status));
        return;
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(since) = self.unread_since.take() {
            self.waited += since.elapsed();
        }
        if self.missing == 0 {
            self.waited = Duration::ZERO;
            self.missing = PACE;
        }
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(other) => {
                    if let Some(status) = other.trailers_ref().and_then(Status::from_header_map) {
                        self.record.ends_with(status.code());
                    }
                    return Poll::Ready(Some(Ok(other)));
                }
            }
        }
        self.unread_since = Some(Instant::now());
        let slice = self.rest.split_to(self.rest.len().min(SLICE));
        self.missing = self.missing.saturating_sub(slice.len());
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut *lock(&self.state) {
            State::Live(live) => live.poll_frame(cx),
            State::Stalled(status) => Poll::Ready(mem::take(status).map(|status| {
                let (head, ()) = status.into_http::<()>().into_parts();
                Ok(Frame::trailers(head.headers))
            })),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &*lock(&self.state) {
            State::Live(live) => live.rest.is_empty() && live.body.is_end_stream(),
            State::Stalled(status) => status.is_none(),
        }
    }
}
