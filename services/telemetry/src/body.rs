//! A response's body, which ends the call's span.

use std::error::Error;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use prost::bytes::Buf;

use crate::call::{Awaited, Convention};
use crate::call_span::CallSpan;

pin_project! {
    /// A body that keeps its call's span until it ends, fails, or is dropped.
    #[derive(Debug)]
    pub struct TracedBody<B: Body, C: Convention> {
        #[pin]
        inner: B,
        // None from the last frame on.
        call: Option<CallSpan>,
        awaited: Awaited,
        is_begun: bool,
        // How many bytes are to come, where it was told.
        left: Option<u64>,
        convention: PhantomData<fn() -> C>,
    }

    impl<B: Body, C: Convention> PinnedDrop for TracedBody<B, C> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let Some(call) = this.call else { return };
            if call.has_panicked() {
                return;
            }
            let has_ended = this.inner.is_end_stream();
            match *this.awaited {
                Awaited::Nothing => {}
                // Nobody asks for more than was told there is, and many want none of it.
                Awaited::LastByte if has_ended || !*this.is_begun || *this.left == Some(0) => {}
                Awaited::Trailers if has_ended => C::ended(call, None),
                Awaited::LastByte | Awaited::Trailers => C::abandoned(call),
            }
        }
    }
}

impl<B: Body, C: Convention> TracedBody<B, C> {
    /// `length` is how many bytes the body has, where a header told that.
    pub(crate) fn new(
        inner: B,
        call: Option<CallSpan>,
        awaited: Awaited,
        length: Option<u64>,
    ) -> Self {
        let left = length.or_else(|| inner.size_hint().exact());
        Self { inner, call, awaited, is_begun: false, left, convention: PhantomData }
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
        *this.is_begun = true;
        let frame = ready!(call.run(|| this.inner.as_mut().poll_frame(context)));
        if let Some(Ok(part)) = &frame
            && let Some(data) = part.data_ref()
        {
            let length = data.remaining() as u64;
            *this.left = this.left.map(|left| left.saturating_sub(length));
            if *this.awaited != Awaited::Trailers && this.inner.is_end_stream() {
                // Who reads a body that tells so asks for no more, but drops it.
                *this.call = None;
            }
            return Poll::Ready(frame);
        }
        match &frame {
            Some(Err(error)) => C::failed(call, error),
            _ if *this.awaited != Awaited::Trailers => {}
            Some(Ok(part)) => C::ended(call, part.trailers_ref()),
            None => C::ended(call, None),
        }
        *this.call = None;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
