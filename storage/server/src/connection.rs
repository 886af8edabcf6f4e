mod maybe_tls;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tonic::transport::server::{Connected, TcpIncoming};

use crate::metrics::{Metrics, OpenConnection};
use crate::tls;
use maybe_tls::MaybeTls;

/// How long to wait for a client to take what it was sent and close.
const LINGER: Duration = Duration::from_secs(5);

/// The bytes that an HTTP/2 client begins with (RFC 9113, section 3.4). Only behind them can a
/// client be asked for signs of life. No request that the admin listener knows is shorter.
const PREFACE: usize = 24;

/// Accepts connections, at most `max` at one time; further ones wait in the listener's backlog.
/// A client has `timeout` to begin, with TLS where that is. If there are metrics, they count the
/// connections.
pub(crate) fn incoming(
    listener: TcpListener,
    max: usize,
    timeout: Duration,
    metrics: Option<Arc<Metrics>>,
    tls: Option<tls::Current>,
) -> impl Stream<Item = io::Result<Connection>> {
    let address = listener.local_addr().ok();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let state = (incoming, Arc::new(Semaphore::new(max)), metrics, tls);
    stream::unfold(state, move |(mut incoming, slots, metrics, tls)| async move {
        if slots.available_permits() == 0 {
            let listener = address.map(tracing::field::display);
            tracing::warn!(listener, max, "further connections wait for one to end");
        }
        let slot = Arc::clone(&slots).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        let accepted = incoming.next().await?;
        let connection = accepted.map(|stream| {
            let counted = metrics.as_ref().map(|metrics| metrics.connection());
            let stream = match &tls {
                None => MaybeTls::Plain(stream),
                Some(tls) => MaybeTls::begin(stream, tls, metrics.clone()),
            };
            Connection::new(stream, slot, counted, timeout)
        });
        Some((connection, (incoming, slots, metrics, tls)))
    })
}

/// A connection whose client must begin in time, and that, at its end, waits for the client's
/// end.
///
/// A socket that is closed while its peer still sends, and an HTTP/2 client that reads sends
/// window updates, resets the connection: what was written but not delivered is thrown away, and
/// with it the end of the last answers of a server that drains (RFC 1122, section 4.2.2.13).
pub(crate) struct Connection {
    stream: MaybeTls,
    /// How much of the preface is missing, and how long it may take, the handshake of TLS included.
    preface: Option<(usize, Pin<Box<Sleep>>)>,
    linger: Option<Pin<Box<Sleep>>>,
    _slot: OwnedSemaphorePermit,
    _counted: Option<OpenConnection>,
}

impl Connection {
    fn new(
        stream: MaybeTls,
        slot: OwnedSemaphorePermit,
        counted: Option<OpenConnection>,
        timeout: Duration,
    ) -> Self {
        let preface = Some((PREFACE, Box::pin(tokio::time::sleep(timeout))));
        Self { stream, preface, linger: None, _slot: slot, _counted: counted }
    }

    /// What waits for a client waits in vain once it has not begun in time.
    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match &mut self.preface {
            Some((_, deadline)) if polled.is_pending() => {
                ready!(deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            _ => polled,
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some((missing, _)) = &mut self.preface {
            *missing = missing.saturating_sub(buf.filled().len() - before);
            if *missing == 0 {
                self.preface = None;
            }
        }
        self.in_time(cx, read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, linger, .. } = &mut *self;
        let linger = match linger {
            Some(linger) => linger,
            None => {
                ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                linger.insert(Box::pin(tokio::time::sleep(LINGER)))
            }
        };
        let mut bytes = [0; 1024];
        loop {
            let mut unwanted = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(cx, &mut unwanted) {
                Poll::Ready(Ok(())) if !unwanted.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return linger.as_mut().poll(cx).map(Ok),
            }
        }
    }
}
