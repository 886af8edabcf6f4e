//! Streams that a thread fills, which may wait for the disk.

use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use spoor_store::ReadError;
use tokio::sync::mpsc;
use tracing::Span;

use crate::budget::{Grant, ReadBudget};

/// How many items wait for a slow reader.
const WAITING: usize = 1;

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

impl From<Stop> for ReadError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(error) => error,
            Stop::Gone => Self::Unavailable("the read ended early".to_owned()),
        }
    }
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

/// A stream of what the work puts. It begins when the stream is read, once it was granted memory,
/// and ends soon after the stream is dropped.
pub(crate) fn stream<T: Send + 'static>(
    budget: Arc<ReadBudget>,
    work: impl FnOnce(&Grant, &Sink<T>) -> Result<(), Stop> + Send + 'static,
) -> BoxStream<'static, Result<T, ReadError>> {
    let begin = async move {
        let grant = budget.grant().await?;
        let (sender, receiver) = mpsc::channel(WAITING);
        let granted = Arc::clone(&grant);
        let caller = Span::current();
        tokio::task::spawn_blocking(move || {
            let _entered = caller.enter();
            let sink = Sink(sender);
            let last = match work(&granted, &sink) {
                Ok(()) => None,
                Err(Stop::Failed(error)) => Some(Err(error)),
                Err(Stop::Gone) => return,
            };
            // Who is gone needs no end.
            let _ = sink.0.blocking_send(last);
        });
        Ok::<_, ReadError>(items(receiver, grant))
    };
    stream::once(begin).try_flatten().boxed()
}

fn items<T: Send + 'static>(
    receiver: mpsc::Receiver<Option<Result<T, ReadError>>>,
    grant: Arc<Grant>,
) -> impl futures::Stream<Item = Result<T, ReadError>> {
    // The grant is held until the last item was taken, or nobody reads any more.
    stream::unfold(Some((receiver, grant)), |state| async move {
        let (mut receiver, grant) = state?;
        match receiver.recv().await {
            Some(Some(Ok(item))) => Some((Ok(item), Some((receiver, grant)))),
            Some(Some(Err(error))) => Some((Err(error), None)),
            Some(None) => None,
            // The work panicked: what came may not be all.
            None => Some((Err(ReadError::Unavailable("the read ended early".to_owned())), None)),
        }
    })
}
