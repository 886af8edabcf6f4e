//! One length-prefixed gRPC message, read from a request's body.
//! Source: gRPC over HTTP2, "Length-Prefixed-Message".

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;
use tonic::body::Body;

use super::Budget;

/// A byte that tells whether the message is compressed, and four of its length, big-endian.
const HEADER: usize = 5;

pub(super) struct Message {
    pub(super) compressed: bool,
    pub(super) bytes: Bytes,
}

/// Reads the only message of a unary request. Its announced length is admitted before any of it
/// is buffered.
pub(super) async fn read(
    body: Body,
    max_bytes: usize,
    budget: &Budget,
) -> Result<(Message, OwnedSemaphorePermit), Status> {
    let mut reader = Reader { body, rest: Bytes::new() };
    let header = reader.take(HEADER).await?;
    let compressed = match header[0] {
        0 => false,
        1 => true,
        flag => {
            let reason = format!("the message's compression flag is {flag}, neither 0 nor 1");
            return Err(Status::invalid_argument(reason));
        }
    };
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
    if length > max_bytes {
        return Err(too_large(max_bytes));
    }
    let permit = budget.take(length).await?;
    let bytes = reader.take(length).await?;
    if reader.fill().await? {
        return Err(Status::invalid_argument("bytes follow the request's only message"));
    }
    Ok((Message { compressed, bytes }, permit))
}

/// The body of a request whose only message is these bytes, at most [`u32::MAX`], as they are.
pub(super) fn body(bytes: Bytes) -> Body {
    let mut header = BytesMut::with_capacity(HEADER);
    header.put_u8(0);
    header.put_u32(bytes.len() as u32);
    let frames = [header.freeze(), bytes].map(|data| Ok::<_, Status>(Frame::data(data)));
    Body::new(StreamBody::new(stream::iter(frames)))
}

pub(super) fn too_large(max_bytes: usize) -> Status {
    Status::invalid_argument(format!("the request is larger than the limit of {max_bytes} bytes"))
}

struct Reader {
    body: Body,
    /// What came and was not taken yet.
    rest: Bytes,
}

impl Reader {
    /// The next bytes, so many; copied only if they come in several pieces.
    async fn take(&mut self, length: usize) -> Result<Bytes, Status> {
        if self.rest.is_empty() {
            self.fill().await?;
        }
        if self.rest.len() >= length {
            return Ok(self.rest.split_to(length));
        }
        let mut taken = BytesMut::with_capacity(length);
        while taken.len() < length {
            if !self.fill().await? {
                let reason = "the request ends before the length it announces";
                return Err(Status::invalid_argument(reason));
            }
            let missing = length - taken.len();
            taken.extend_from_slice(&self.rest.split_to(missing.min(self.rest.len())));
        }
        Ok(taken.freeze())
    }

    /// Waits until there are bytes; false at the end.
    async fn fill(&mut self) -> Result<bool, Status> {
        while self.rest.is_empty() {
            let Some(frame) = self.body.frame().await else {
                return Ok(false);
            };
            // What is no data is trailers, which mean nothing in a request.
            if let Ok(data) = frame?.into_data() {
                self.rest = data;
            }
        }
        Ok(true)
    }
}
