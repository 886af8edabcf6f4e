//! Length-prefixed gRPC messages, read from a request's body.
//! Source: gRPC over HTTP2, "Length-Prefixed-Message".

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::body::Body;

use super::{Budget, PACE};

/// A byte that tells whether the message is compressed, and four of its length, big-endian.
const HEADER: usize = 5;

pub(super) struct Message {
    pub(super) compressed: bool,
    pub(super) bytes: Bytes,
}

/// The bytes admitted before any has come, beside those that came with the length. From there on a
/// request is admitted twice what it has sent, so that announcing a length takes next to nothing
/// from others: as many as may be open have a quarter of `max_inflight_bytes`'s default.
const FIRST_STEP: usize = 4 << 10;

/// Reads the only message of a unary request, whose bytes are admitted before they are buffered.
/// The client has `timeout` for each [`PACE`] bytes and for the last ones.
pub(super) async fn read(
    body: Body,
    max_bytes: usize,
    budget: &Budget,
    timeout: Duration,
) -> Result<(Message, OwnedSemaphorePermit), Status> {
    let mut reader = Reader::new(body, timeout);
    reader.begin();
    let message = reader.message(max_bytes, budget).await?;
    if reader.fill().await? {
        return Err(Status::invalid_argument("bytes follow the request's only message"));
    }
    Ok(message)
}

/// The body of a request whose only message is these bytes, at most [`u32::MAX`], as they are.
pub(super) fn body(bytes: Bytes) -> Body {
    let frames = [plain_header(&bytes), bytes].map(|data| Ok::<_, Status>(Frame::data(data)));
    Body::new(StreamBody::new(stream::iter(frames)))
}

/// The header of a message that is these bytes as they are, at most [`u32::MAX`].
pub(super) fn plain_header(bytes: &Bytes) -> Bytes {
    let mut header = BytesMut::with_capacity(HEADER);
    header.put_u8(0);
    header.put_u32(bytes.len() as u32);
    header.freeze()
}

pub(super) fn too_large(max_bytes: usize) -> Status {
    Status::invalid_argument(format!("the request is larger than the limit of {max_bytes} bytes"))
}

/// Reads a body's messages.
pub(super) struct Reader {
    body: Body,
    /// What came and was not read yet.
    rest: Bytes,
    timeout: Duration,
    /// When the bytes that are still missing from [`PACE`] must have come; none between the
    /// messages of a stream.
    deadline: Option<Instant>,
    missing: usize,
}

impl Reader {
    pub(super) fn new(body: Body, timeout: Duration) -> Self {
        Self { body, rest: Bytes::new(), timeout, deadline: None, missing: PACE }
    }

    /// The next message of a stream, for whose first byte the client may take any time; none at
    /// the end.
    pub(super) async fn next(
        &mut self,
        max_bytes: usize,
        budget: &Budget,
    ) -> Result<Option<(Message, OwnedSemaphorePermit)>, Status> {
        self.deadline = None;
        if !self.fill().await? {
            return Ok(None);
        }
        self.begin();
        self.message(max_bytes, budget).await.map(Some)
    }

    /// From here on the client must keep its pace.
    fn begin(&mut self) {
        self.deadline = Some(Instant::now() + self.timeout);
        self.missing = PACE;
    }

    async fn message(
        &mut self,
        max_bytes: usize,
        budget: &Budget,
    ) -> Result<(Message, OwnedSemaphorePermit), Status> {
        let mut header = Vec::with_capacity(HEADER);
        self.read_to(HEADER, &mut header).await?;
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
        let mut admitted = length.min(self.rest.len().max(FIRST_STEP));
        let mut permit = budget.take(admitted).await?;
        let mut bytes = Vec::with_capacity(admitted);
        self.read_to(admitted, &mut bytes).await?;
        while admitted < length {
            let step = admitted.min(length - admitted);
            permit.merge(budget.take_now(step)?);
            admitted += step;
            bytes.reserve_exact(step);
            self.read_to(admitted, &mut bytes).await?;
        }
        Ok((Message { compressed, bytes: bytes.into() }, permit))
    }

    /// Appends the next bytes until there are so many.
    async fn read_to(&mut self, length: usize, out: &mut Vec<u8>) -> Result<(), Status> {
        while out.len() < length {
            if !self.fill().await? {
                let reason = "the request ends before the length it announces";
                return Err(Status::invalid_argument(reason));
            }
            let wanted = length - out.len();
            out.extend_from_slice(&self.rest.split_to(wanted.min(self.rest.len())));
        }
        Ok(())
    }

    /// Waits until there are bytes; false at the end.
    async fn fill(&mut self) -> Result<bool, Status> {
        while self.rest.is_empty() {
            let frame = match self.deadline {
                Some(deadline) => timeout_at(deadline, self.body.frame()).await.map_err(|_| {
                    Status::deadline_exceeded("the request's bytes came too slowly")
                })?,
                None => self.body.frame().await,
            };
            let Some(frame) = frame else {
                return Ok(false);
            };
            // What is no data is trailers, which mean nothing in a request.
            if let Ok(data) = frame?.into_data() {
                self.rest = data;
                self.missing = self.missing.saturating_sub(self.rest.len());
            }
            if self.missing == 0 && self.deadline.is_some() {
                self.begin();
            }
        }
        Ok(true)
    }
}
