use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{Reason, SendStream};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

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
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(async {
            connection.await.ok();
        });
        let mut request = Request::post(format!("http://{address}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut client = client.ready().await.unwrap();
        let (response, send) = client.send_request(request.body(()).unwrap(), false).unwrap();
        Self { response, send, connection }
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
    pub async fn end(mut self) -> Answer {
        self.send.send_data(Bytes::new(), true).unwrap();
        self.answer().await
    }

    /// Waits for the status without ending the request.
    pub async fn answer(self) -> Answer {
        self.ended(Duration::ZERO).await.1
    }

    /// Ends the request and reads its answer, letting a time pass whenever the window, of 64 KiB,
    /// is half empty. Gives the bytes that came, too.
    pub async fn end_slowly(mut self, pause: Duration) -> (usize, Answer) {
        self.send.send_data(Bytes::new(), true).unwrap();
        self.ended(pause).await
    }

    async fn ended(self, pause: Duration) -> (usize, Answer) {
        let answer = read(self.response, pause);
        let answer = tokio::time::timeout(super::DEADLINE, answer).await.unwrap();
        self.connection.abort();
        answer
    }
}

async fn read(response: ResponseFuture, pause: Duration) -> (usize, Answer) {
    let (head, mut body) = response.await.unwrap().into_parts();
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
    (bytes, Answer { code: status.code(), message: status.message().to_owned(), headers })
}
