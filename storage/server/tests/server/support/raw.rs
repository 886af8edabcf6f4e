use std::future::poll_fn;
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{Reason, SendStream};
use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// HTTP/2's initial window.
const WINDOW: usize = (64 << 10) - 1;

/// A gRPC call made by hand, so that it can be wrong.
pub struct Call {
    response: ResponseFuture,
    send: SendStream<Bytes>,
    connection: JoinHandle<()>,
}

/// How a call ended.
#[derive(Debug)]
pub struct Answer {
    pub code: tonic::Code,
    pub message: String,
    pub headers: HeaderMap,
}

/// A gRPC frame of these bytes with this flag.
pub fn frame(flag: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(flag);
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}

impl Call {
    /// Opens a call to a method on a connection of its own.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&'static str, &str)]) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::over(stream, path, headers).await.unwrap()
    }

    /// The same on a connection that is open; none if it is not taken.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Option<Self> {
        Self::with_window(WINDOW, stream, path, headers).await
    }

    /// The same by a client that has room for so many bytes of an answer.
    pub async fn with_window(
        window: usize,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Option<Self> {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window as u32);
        let (client, connection) = builder.handshake(stream).await.ok()?;
        let connection = tokio::spawn(async {
            connection.await.ok();
        });
        let mut request = Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut client = client.ready().await.ok()?;
        let (response, send) = client.send_request(request.body(()).unwrap(), false).ok()?;
        Some(Self { response, send, connection })
    }

    pub async fn export(address: SocketAddr, headers: &[(&'static str, &str)]) -> Self {
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        Self::open(address, path, headers).await
    }

    /// Sends bytes, which go nowhere once the server has ended the call.
    pub fn send(&mut self, bytes: impl Into<Bytes>) {
        self.send.send_data(bytes.into(), false).ok();
    }

    pub fn reset(&mut self) {
        self.send.send_reset(Reason::CANCEL);
    }

    /// Ends the request and waits for its status.
    pub async fn end(self) -> Answer {
        self.try_end().await.unwrap()
    }

    /// The same; none if the connection ends before.
    pub async fn try_end(mut self) -> Option<Answer> {
        // A server that has refused the call may not want it any more.
        self.send.send_data(Bytes::new(), true).ok();
        self.ended(Duration::ZERO).await.map(|(_, answer)| answer)
    }

    /// Waits for the status without ending the request.
    pub async fn answer(self) -> Answer {
        self.ended(Duration::ZERO).await.unwrap().1
    }

    /// Waits for the status, and then until the server wants no more of the request, which goes on.
    pub async fn stopped(mut self) -> tonic::Code {
        let (_, answer) = read(self.response, Duration::ZERO).await.unwrap();
        let reset = poll_fn(|cx| self.send.poll_reset(cx));
        timeout(super::DEADLINE, reset).await.expect("the request is read on").unwrap();
        self.connection.abort();
        answer.code
    }

    /// Ends the request and reads its answer, letting a time pass whenever the window, of 64 KiB,
    /// is half empty. Gives the bytes that came, too.
    pub async fn end_slowly(mut self, pause: Duration) -> (usize, Answer) {
        self.send.send_data(Bytes::new(), true).unwrap();
        self.ended(pause).await.unwrap()
    }

    async fn ended(self, pause: Duration) -> Option<(usize, Answer)> {
        let answer = read(self.response, pause);
        let answer = timeout(super::DEADLINE, answer).await.unwrap();
        self.connection.abort();
        answer
    }
}

/// As many calls by one connection, each with these first bytes of its request.
pub async fn open_calls(
    address: SocketAddr,
    path: &str,
    count: usize,
    bytes: &[u8],
) -> Vec<(ResponseFuture, SendStream<Bytes>)> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut calls = Vec::new();
    for _ in 0..count {
        let request = Request::post(format!("http://{address}{path}"))
            .header("content-type", "application/grpc")
            .body(())
            .unwrap();
        client = timeout(super::DEADLINE, client.ready()).await.unwrap().unwrap();
        let (response, mut send) = client.send_request(request, false).unwrap();
        if !bytes.is_empty() {
            send.send_data(Bytes::copy_from_slice(bytes), false).unwrap();
        }
        calls.push((response, send));
    }
    calls
}

async fn read(response: ResponseFuture, pause: Duration) -> Option<(usize, Answer)> {
    let (head, mut body) = response.await.ok()?.into_parts();
    let mut headers = head.headers;
    let (mut bytes, mut held) = (0, 0);
    while let Some(data) = body.data().await {
        held += data.unwrap().len();
        if held >= WINDOW / 2 {
            tokio::time::sleep(pause).await;
            body.flow_control().release_capacity(held).unwrap();
            bytes += mem::take(&mut held);
        }
    }
    if let Some(trailers) = body.trailers().await.unwrap() {
        headers.extend(trailers);
    }
    let status = tonic::Status::from_header_map(&headers).unwrap();
    Some((bytes, Answer { code: status.code(), message: status.message().to_owned(), headers }))
}
