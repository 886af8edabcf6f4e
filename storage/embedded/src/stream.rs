//! Streams that a thread fills, which may wait for the disk.

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use spoor_store::ReadError;
use tokio::sync::mpsc;

/// How many items wait for a slow reader.
const WAITING: usize = 2;

/// Where the work puts what it finds.
pub(crate) struct Sink<T>(mpsc::Sender<Option<Result<T, ReadError>>>);

/// Nobody reads any more.
#[derive(Debug)]
pub(crate) struct Gone;

impl<T> Sink<T> {
    /// Waits until there is room for the item.
    pub(crate) fn put(&self, item: T) -> Result<(), Gone> {
        self.0.blocking_send(Some(Ok(item))).map_err(|_| Gone)
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_closed()
    }
}

/// Why work ends before its end.
pub(crate) enum Stop {
    /// Nobody reads any more.
    Gone,
    /// It failed.
    Failed(ReadError),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

/// A stream of what the work puts. It begins when the stream is read, and ends soon after the
/// stream is dropped.
pub(crate) fn stream<T: Send + 'static>(
    work: impl FnOnce(&Sink<T>) -> Result<(), Stop> + Send + 'static,
) -> BoxStream<'static, Result<T, ReadError>> {
    let begin = async move {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            let sink = Sink(sender);
            let last = match work(&sink) {
                Ok(()) => None,
                Err(Stop::Failed(error)) => Some(Err(error)),
                Err(Stop::Gone) => return,
            };
            // Who is gone needs no end.
            let _ = sink.0.blocking_send(last);
        });
        items(receiver)
    };
    stream::once(begin).flatten().boxed()
}

fn items<T: Send + 'static>(
    receiver: mpsc::Receiver<Option<Result<T, ReadError>>>,
) -> impl futures::Stream<Item = Result<T, ReadError>> {
    stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(Ok(item))) => Some((Ok(item), Some(receiver))),
            Some(Some(Err(error))) => Some((Err(error), None)),
            Some(None) => None,
            // The work panicked: what came may not be all.
            None => Some((Err(ReadError::Unavailable("the read ended early".to_owned())), None)),
        }
    })
}
