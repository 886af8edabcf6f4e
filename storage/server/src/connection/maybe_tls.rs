use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::metrics::Metrics;
use crate::tls;

/// A TCP connection, with TLS or without. The handshake is part of the first read or write, so that
/// those who accept connections wait for no client.
pub(super) enum MaybeTls {
    Plain(TcpStream),
    Beginning {
        handshake: Box<Accept<TcpStream>>,
        info: TcpConnectInfo,
        metrics: Option<Arc<Metrics>>,
    },
    Tls(Box<TlsStream<TcpStream>>),
    /// The handshake failed: the connection is closed.
    Refused(TcpConnectInfo),
}

impl MaybeTls {
    /// A connection that is to be TLS, by what is current now.
    pub(super) fn begin(
        stream: TcpStream,
        tls: &tls::Current,
        metrics: Option<Arc<Metrics>>,
    ) -> Self {
        let info = stream.connect_info();
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
        Self::Beginning { handshake: Box::new(acceptor.accept(stream)), info, metrics }
    }

    /// What there is to read and to write once the handshake is done.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Stream>>> {
        if let Self::Beginning { handshake, info, metrics } = self {
            match ready!(Pin::new(handshake).poll(cx)) {
                Ok(stream) => *self = Self::Tls(Box::new(stream)),
                Err(error) => {
                    let client = info.remote_addr().map(tracing::field::display);
                    tracing::debug!(client, %error, "refused a connection: the TLS handshake failed");
                    if let Some(metrics) = metrics {
                        metrics.refused("tls_handshake");
                    }
                    *self = Self::Refused(info.clone());
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(match self {
            Self::Plain(stream) => Ok(Pin::new(stream)),
            Self::Tls(stream) => Ok(Pin::new(&mut **stream)),
            Self::Beginning { .. } | Self::Refused(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Connected for MaybeTls {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        match self {
            Self::Plain(stream) => stream.connect_info(),
            Self::Tls(stream) => stream.get_ref().0.connect_info(),
            Self::Beginning { info, .. } | Self::Refused(info) => info.clone(),
        }
    }
}

impl AsyncRead for MaybeTls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_read(cx, buf)
    }
}

impl AsyncWrite for MaybeTls {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(cx))?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(cx))?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        // Both are.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Beginning { .. } | Self::Refused(_) => Poll::Ready(Ok(())),
        }
    }
}
