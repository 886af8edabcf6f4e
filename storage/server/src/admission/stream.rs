//! The messages of a client's stream, each admitted before it is buffered.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;

use super::Admission;
use super::compression::Encoding;
use super::message::{Reader, plain_header};
use crate::grpc::STREAM_WINDOW;

/// The permits for the messages that a stream's service was given and still holds. The service
/// finds it among the extensions of its request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Held {
    /// The permits for all messages given so far, to be dropped when these are.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, permit: OwnedSemaphorePermit) {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
    }
}

/// The body with plain messages, each a frame of its own, which is read when the service asks for
/// it: by then it has taken the one before.
///
/// It ends with an error once the answer has: who broke the call off would keep the service reading.
/// What came until then is given still, as far as it fits what HTTP/2 takes before it is read.
///
/// A message waits for the budget although its stream may hold some of it. That ends: the service
/// holds messages for a short time only, whether another comes or not.
pub(super) fn body(
    admission: Admission,
    body: Body,
    encoding: Option<Encoding>,
    held: Held,
    ended: CancellationToken,
) -> Body {
    let reader = Reader::new(body, admission.client_timeout);
    let frames = stream::try_unfold((reader, STREAM_WINDOW as usize), move |(mut reader, left)| {
        let (admission, held, ended) = (admission.clone(), held.clone(), ended.clone());
        async move {
            let has_ended = || Status::cancelled("the answer to the stream has ended");
            let message = tokio::select! {
                biased;
                message = reader.next(admission.max_bytes, &admission.budget) => message?,
                () = ended.cancelled() => return Err(has_ended()),
            };
            let Some((message, permit)) = message else { return Ok::<_, Status>(None) };
            let left = match ended.is_cancelled() {
                true => left.checked_sub(message.bytes.len()).ok_or_else(has_ended)?,
                false => left,
            };
            let (bytes, permit) = admission.plain(message, permit, encoding).await?;
            held.add(permit);
            Ok(Some((Frame::data(framed(&bytes)), (reader, left))))
        }
    });
    Body::new(StreamBody::new(frames))
}

fn framed(bytes: &Bytes) -> Bytes {
    let mut frame = BytesMut::from(plain_header(bytes));
    frame.extend_from_slice(bytes);
    frame.freeze()
}
