use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use spoor_embedded::Demand;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::DropGuard;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tonic::{Code, Status};

use super::PACE;
use super::slots::Slot;
use super::time::Limits;
use crate::metrics;

/// The most bytes given to HTTP/2 at one time, where a client that doesn't read can hold them
/// beyond our reach. They are a copy: a part of a chunk would hold all of it there.
const SLICE: usize = 32 << 10;

/// What a client may let the next [`PACE`] bytes wait while others wait for what its answer holds:
/// shorter than they wait themselves.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a body gives.
type Given = Option<Result<Frame<Bytes>, Status>>;

/// A response's body, given out as fast as the client reads it.
///
/// HTTP/2 asks for more only when the client has taken what it was given. A client that lets it
/// wait for the timeout, or for [`PATIENCE`] while others wait for a slot or for memory, before the
/// next [`PACE`] bytes, or the last ones, are taken loses the
/// answer's rest, so that it can't hold the memory and the slot that others wait for; when it
/// reads again, the answer ends with `DEADLINE_EXCEEDED`.
#[derive(Debug)]
pub(super) struct Answer {
    state: Arc<Mutex<State>>,
    _watch: AbortOnDropHandle<()>,
    /// Also where it was given up: HTTP/2 still has bytes of it then.
    _call: Call,
}

/// What goes on until the last of an answer is handed over, and ends when dropped.
#[derive(Debug)]
pub(super) struct Call {
    /// The request's place among the open ones, if it got one.
    pub(super) open: Option<OwnedSemaphorePermit>,
    /// Ends the stream that the service reads.
    pub(super) _messages: DropGuard,
}

#[derive(Debug)]
enum State {
    Live(Box<Live>),
    /// Given up: its status is still to be told, then nothing.
    Stalled(Option<Status>),
}

#[derive(Debug)]
struct Live {
    body: Body,
    /// What the body gave and HTTP/2 was not given yet.
    rest: Bytes,
    /// Since when the client has not asked for more; none while it is the body that is waited for.
    unread_since: Option<Instant>,
    /// How long it let the last bytes wait before, and how many of [`PACE`] are still missing.
    waited_before: Duration,
    missing: usize,
    limits: Limits,
    record: metrics::Request,
    _slot: Option<Slot>,
}

impl Answer {
    pub(super) fn new(
        body: Body,
        slot: Option<Slot>,
        record: metrics::Request,
        timeout: Duration,
        limits: Limits,
        call: Call,
    ) -> Self {
        let demand = slot.as_ref().map(|slot| slot.demand.clone());
        let live = Live {
            body,
            rest: Bytes::new(),
            // A client may have no room for a first byte.
            unread_since: Some(Instant::now()),
            waited_before: Duration::ZERO,
            missing: PACE,
            limits,
            record,
            _slot: slot,
        };
        let state = Arc::new(Mutex::new(State::Live(Box::new(live))));
        let watch =
            AbortOnDropHandle::new(tokio::spawn(watch(Arc::clone(&state), timeout, demand)));
        Self { state, _watch: watch, _call: call }
    }
}

/// Gives the answer up once the client has let it wait for the time limit, or for [`PATIENCE`] when
/// there is a call for what it holds.
async fn watch(state: Arc<Mutex<State>>, limit: Duration, demand: Option<Demand>) {
    loop {
        let Some(waited) = lock(&state).waited() else { return };
        let left = limit.saturating_sub(waited);
        match &demand {
            _ if left.is_zero() => {
                if lock(&state).give_up(limit, || true) {
                    return;
                }
            }
            Some(demand) if waited >= PATIENCE => {
                // In steps: it may be read again meanwhile.
                let _ = timeout(left.min(PATIENCE), demand.called()).await;
                if lock(&state).give_up(PATIENCE, || demand.hear()) {
                    return;
                }
            }
            Some(_) => sleep(left.min(PATIENCE - waited)).await,
            None => sleep(left).await,
        }
    }
}

impl State {
    /// How long the client has let the next bytes wait, unless the answer was given up.
    fn waited(&self) -> Option<Duration> {
        match self {
            Self::Live(live) => Some(live.waited().unwrap_or_default()),
            Self::Stalled(_) => None,
        }
    }

    /// Gives the answer up if the client lets it wait, has for so long, and it is called for. Tells
    /// whether it was.
    ///
    /// HTTP/2 has bytes then that the client doesn't take, and asks for the status once it does.
    /// Were it waiting for the body, it would not be woken.
    fn give_up(&mut self, limit: Duration, is_called_for: impl FnOnce() -> bool) -> bool {
        let Self::Live(live) = self else { return true };
        if live.waited().is_none_or(|waited| waited < limit) || !is_called_for() {
            return false;
        }
        live.record.ends_with(Code::DeadlineExceeded);
        tracing::info!(?limit, "gave up an answer that the client read too slowly");
        let status = Status::deadline_exceeded("the answer was read too slowly");
        *self = Self::Stalled(Some(status));
        true
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// How long the client has let the next bytes wait, unless it is the body that they wait for.
    fn waited(&self) -> Option<Duration> {
        self.unread_since.map(|since| self.waited_before + since.elapsed())
    }

    /// The body's next frame, or the status once a limit is reached.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Given, Status>> {
        self.limits.check_client(cx)?;
        if let Some(since) = self.unread_since.take() {
            self.waited_before += since.elapsed();
        }
        if self.missing == 0 {
            self.waited_before = Duration::ZERO;
            self.missing = PACE;
        }
        if self.rest.is_empty() {
            let polled = Pin::new(&mut self.body).poll_frame(cx);
            let frame = match ready!(self.limits.poll(cx, polled))? {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(Ok(other)),
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(other) => {
                    if let Some(status) = other.trailers_ref().and_then(Status::from_header_map) {
                        self.record.ends_with(status.code());
                    }
                    return Poll::Ready(Ok(Some(Ok(other))));
                }
            }
        }
        self.unread_since = Some(Instant::now());
        let slice = self.rest.split_to(self.rest.len().min(SLICE));
        let slice = Bytes::copy_from_slice(&slice);
        self.missing = self.missing.saturating_sub(slice.len());
        Poll::Ready(Ok(Some(Ok(Frame::data(slice)))))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Live(live) => match ready!(live.poll_frame(cx)) {
                Ok(frame) => Poll::Ready(frame),
                Err(status) => {
                    live.record.ends_with(status.code());
                    *state = State::Stalled(None);
                    Poll::Ready(Some(Ok(end(status))))
                }
            },
            State::Stalled(status) => Poll::Ready(mem::take(status).map(end).map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &*lock(&self.state) {
            State::Live(live) => live.rest.is_empty() && live.body.is_end_stream(),
            State::Stalled(status) => status.is_none(),
        }
    }
}

/// The frame that ends an answer with a status.
fn end(status: Status) -> Frame<Bytes> {
    let (head, ()) = status.into_http::<()>().into_parts();
    Frame::trailers(head.headers)
}

#[cfg(test)]
mod tests {
    use futures::channel::mpsc::{UnboundedSender, unbounded};
    use futures::poll;
    use http::{HeaderMap, HeaderName, HeaderValue};
    use http_body_util::{BodyExt, StreamBody};
    use tokio_util::sync::CancellationToken;

    use super::super::Budget;
    use super::*;
    use crate::config::{self, Config};
    use crate::engine::Engine;
    use crate::metrics::Metrics;

    const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    type Server = UnboundedSender<Result<Frame<Bytes>, Status>>;

    /// An answer, and what gives it its frames.
    fn answer() -> (Server, Answer) {
        answer_within(&HeaderMap::new(), None)
    }

    fn answer_within(headers: &HeaderMap, limit: Option<Duration>) -> (Server, Answer) {
        let config = Config { engine: config::Engine::Memory, ..Config::default() };
        let engine = Engine::open(&config).unwrap();
        let metrics = Arc::new(Metrics::new(&engine, Budget::new(1), &config));
        let (server, frames) = unbounded();
        let body = Body::new(StreamBody::new(frames));
        let record = metrics::Request::begin(metrics, "/");
        let call = Call { open: None, _messages: CancellationToken::new().drop_guard() };
        (server, Answer::new(body, None, record, DAY, Limits::new(headers, limit), call))
    }

    fn data(text: &'static str) -> Result<Frame<Bytes>, Status> {
        Ok(Frame::data(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test]
    async fn an_answer_that_waits_for_the_server_is_not_cut_for_an_earlier_pause() {
        let (server, mut answer) = answer();
        server.unbounded_send(data("one")).unwrap();
        answer.frame().await.unwrap().unwrap();
        assert!(!lock(&answer.state).give_up(Duration::ZERO, || false));

        // The client took it, after however long.
        let mut next = answer.frame();
        assert!(poll!(&mut next).is_pending());
        drop(next);
        assert!(!lock(&answer.state).give_up(Duration::ZERO, || true));

        server.unbounded_send(data("two")).unwrap();
        drop(server);
        assert_eq!(answer.collect().await.unwrap().to_bytes(), "two");
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_ends_with_its_status() {
        let (server, mut answer) = answer();
        server.unbounded_send(data("one")).unwrap();
        answer.frame().await.unwrap().unwrap();
        assert!(lock(&answer.state).give_up(Duration::ZERO, || true));
        assert!(server.is_closed(), "the body is held no longer");

        let rest = answer.collect().await.unwrap();
        let status = Status::from_header_map(rest.trailers().unwrap()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(rest.to_bytes(), "");
    }

    #[tokio::test]
    async fn an_answer_ends_when_the_time_of_either_side_is_over() {
        let given = |text| HeaderMap::from_iter([(TIMEOUT, HeaderValue::from_static(text))]);
        let soon = Duration::from_millis(10);
        for (given, limit, whose) in [
            (given("10m"), None, "client"),
            (given("10m"), Some(DAY), "client"),
            (given("1H"), Some(soon), "read_timeout"),
            (HeaderMap::new(), Some(soon), "read_timeout"),
        ] {
            let (server, mut answer) = answer_within(&given, limit);
            server.unbounded_send(data("one")).unwrap();
            assert_eq!(answer.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
            let end = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
            let status = Status::from_header_map(&end).unwrap();
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert!(status.message().contains(whose), "{status}");
            assert!(server.is_closed(), "the body is held no longer");
        }

        let (server, answer) = answer_within(&given("1H"), Some(DAY));
        server.unbounded_send(data("in time")).unwrap();
        drop(server);
        assert_eq!(answer.collect().await.unwrap().to_bytes(), "in time");
    }

    #[tokio::test]
    async fn an_answer_ends_when_the_clients_time_is_over_however_much_there_is() {
        let given = HeaderMap::from_iter([(TIMEOUT, HeaderValue::from_static("10m"))]);
        let (server, mut answer) = answer_within(&given, None);
        server.unbounded_send(data("late")).unwrap();
        sleep(Duration::from_millis(50)).await;
        assert!(answer.frame().await.unwrap().unwrap().is_trailers());
    }

    #[tokio::test]
    async fn an_answer_that_is_never_asked_for_is_cut() {
        let (server, answer) = answer();
        assert!(lock(&answer.state).give_up(Duration::ZERO, || true));
        assert!(server.is_closed(), "the body is held no longer");
    }
}
