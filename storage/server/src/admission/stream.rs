//! The messages of a client's stream, each admitted before it is buffered.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;
use tonic::body::Body;

use super::Admission;
use super::compression::Encoding;
use super::message::{Reader, plain_header};

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
/// A message waits for the budget although its stream may hold some of it. That ends: the service
/// holds messages for a short time only, whether another comes or not.
pub(super) fn body(
    admission: Admission,
    body: Body,
    encoding: Option<Encoding>,
    held: Held,
) -> Body {
    let reader = Reader::new(body, admission.client_timeout);
    let frames = stream::try_unfold(reader, move |mut reader| {
        let (admission, held) = (admission.clone(), held.clone());
        async move {
            let message = reader.next(admission.max_bytes, &admission.budget).await?;
            let Some((message, permit)) = message else { return Ok::<_, Status>(None) };
            let (bytes, permit) = admission.plain(message, permit, encoding).await?;
            held.add(permit);
            Ok(Some((Frame::data(framed(&bytes)), reader)))
        }
    });
    Body::new(StreamBody::new(frames))
}

fn framed(bytes: &Bytes) -> Bytes {
    let mut frame = BytesMut::from(plain_header(bytes));
    frame.extend_from_slice(bytes);
    frame.freeze()
}
