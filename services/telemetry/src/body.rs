//! A response's body, which ends the call's span.

use std::error::Error;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::call::{Convention, record_drop};
use crate::call_span::CallSpan;

pin_project! {
    /// A body that keeps its call's span until it ends, fails, or is dropped.
    #[derive(Debug)]
    pub struct TracedBody<B, C: Convention> {
        #[pin]
        inner: B,
        // None from the last frame on.
        call: Option<CallSpan>,
        awaits_trailers: bool,
        convention: PhantomData<fn() -> C>,
    }

    impl<B, C: Convention> PinnedDrop for TracedBody<B, C> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(call) = this.call {
                // The last exit from a span is its end.
                drop(call.enter());
                record_drop::<C>(call, !*this.awaits_trailers);
            }
        }
    }
}

impl<B, C: Convention> TracedBody<B, C> {
    pub(crate) fn new(inner: B, call: Option<CallSpan>, awaits_trailers: bool) -> Self {
        Self { inner, call, awaits_trailers, convention: PhantomData }
    }
}

impl<B, C> Body for TracedBody<B, C>
where
    B: Body<Error: Error + 'static>,
    C: Convention,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(call) = this.call else { return this.inner.poll_frame(context) };
        let entered = call.enter();
        let frame = ready!(this.inner.as_mut().poll_frame(context));
        drop(entered);
        let is_last = match &frame {
            Some(Ok(frame)) => {
                let trailers = frame.trailers_ref();
                let are_there = trailers.inspect(|trailers| C::trailers(call, trailers)).is_some();
                // Who reads a body that tells so asks for no more, but drops it.
                are_there || (!*this.awaits_trailers && this.inner.is_end_stream())
            }
            Some(Err(error)) => {
                C::failed(call, error);
                true
            }
            None => true,
        };
        if is_last {
            *this.call = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
