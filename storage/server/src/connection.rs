use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

use crate::metrics::{Metrics, OpenConnection};

/// How long to wait for a client to take what it was sent and close.
const LINGER: Duration = Duration::from_secs(5);

/// The bytes that an HTTP/2 client begins with (RFC 9113, section 3.4). Only behind them can a
/// client be asked for signs of life. No request that the admin listener knows is shorter.
const PREFACE: usize = 24;

/// Accepts connections, at most `max` at one time; further ones wait in the listener's backlog.
/// A client has `timeout` to begin. If there are metrics, they count the connections.
pub(crate) fn incoming(
    listener: TcpListener,
    max: usize,
    timeout: Duration,
    metrics: Option<Arc<Metrics>>,
) -> impl Stream<Item = io::Result<Connection>> {
    let address = listener.local_addr().ok();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let state = (incoming, Arc::new(Semaphore::new(max)), metrics);
    stream::unfold(state, move |(mut incoming, slots, metrics)| async move {
        if slots.available_permits() == 0 {
            let listener = address.map(tracing::field::display);
            tracing::warn!(listener, max, "further connections wait for one to end");
        }
        let slot = Arc::clone(&slots).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        let accepted = incoming.next().await?;
        let connection = accepted.map(|stream| {
            let counted = metrics.as_ref().map(|metrics| metrics.connection());
            Connection::new(stream, slot, counted, timeout)
        });
        Some((connection, (incoming, slots, metrics)))
    })
}

/// A TCP connection whose client must begin in time, and that, at its end, waits for the client's
/// end.
///
/// A socket that is closed while its peer still sends, and an HTTP/2 client that reads sends
/// window updates, resets the connection: what was written but not delivered is thrown away, and
/// with it the end of the last answers of a server that drains (RFC 1122, section 4.2.2.13).
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// How much of the preface is missing, and how long it may take.
    preface: Option<(usize, Pin<Box<Sleep>>)>,
    linger: Option<Pin<Box<Sleep>>>,
    _slot: OwnedSemaphorePermit,
    _counted: Option<OpenConnection>,
}

impl Connection {
    fn new(
        stream: TcpStream,
        slot: OwnedSemaphorePermit,
        counted: Option<OpenConnection>,
        timeout: Duration,
    ) -> Self {
        let preface = Some((PREFACE, Box::pin(tokio::time::sleep(timeout))));
        Self { stream, preface, linger: None, _slot: slot, _counted: counted }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, preface, .. } = &mut *self;
        let before = buf.filled().len();
        let read = Pin::new(stream).poll_read(cx, buf);
        if let Some((missing, deadline)) = preface {
            *missing = missing.saturating_sub(buf.filled().len() - before);
            if *missing == 0 {
                *preface = None;
            } else if read.is_pending() {
                ready!(deadline.as_mut().poll(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
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
