//! Answers in messages of a stream. The last one of a page has the token of the next page.

use std::mem;

use bytes::Bytes;
use futures::stream::{self, Stream};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::storage::{FindSpansResponse, FindTraceSummariesResponse, TraceSummary};
use spoor_store::{CHUNK_BYTES, ReadError, SpanStream, SummaryStream, TraceRank};
use tonic::Status;

use super::bounded::HEADER;
use super::pages::{Cursor, Page};
use super::traces::Answers;
use super::{convert, status};

/// The size that a message stays below, unless it has a single element.
const MESSAGE_BYTES: usize = CHUNK_BYTES / 2;

/// Summaries, together in messages: one for each would cost more than its content.
pub(super) fn summaries(
    found: SummaryStream,
    page: Option<Page>,
) -> Answers<FindTraceSummariesResponse> {
    let found = found.map_ok(|found| {
        let place = TraceRank { start: found.matched, trace_id: found.trace_id };
        (place, convert::summary(found))
    });
    let messages = messages(found, page, TraceSummary::encoded_len);
    let answer =
        |(summaries, next_page_token)| FindTraceSummariesResponse { summaries, next_page_token };
    messages.map_ok(answer).boxed()
}

/// Spans, together in messages.
pub(super) fn spans(found: SpanStream, page: Page) -> Answers<FindSpansResponse> {
    let messages = messages(found.map_ok(|it| (it.key, it.data)), Some(page), Bytes::len);
    let answer = |(spans, next_page_token): (Vec<Bytes>, String)| {
        // Messages end to end are the message of all their spans.
        let spans = Some(RawTraces(spans.concat().into()));
        FindSpansResponse { spans, next_page_token }
    };
    messages.map_ok(answer).boxed()
}

/// The elements of each message, and the token of the next page. What comes behind a page only
/// tells that there is another.
fn messages<C: Cursor + Send + 'static, T: Send + 'static>(
    found: impl Stream<Item = Result<(C, T), ReadError>> + Send + 'static,
    page: Option<Page>,
    len: fn(&T) -> usize,
) -> impl Stream<Item = Result<(Vec<T>, String), Status>> + Send {
    let state = State { found: Box::pin(found), page, len, sent: 0, last: None, elements: vec![] };
    stream::try_unfold(Some(state), |state| async move {
        let Some(mut state) = state else { return Ok(None) };
        let (message, is_last) = state.next().await?;
        let message = message.filter(|(elements, _)| !elements.is_empty());
        Ok(message.map(|message| (message, (!is_last).then_some(state))))
    })
}

struct State<S, C, T> {
    found: S,
    page: Option<Page>,
    len: fn(&T) -> usize,
    /// How many elements were taken of the page.
    sent: usize,
    last: Option<C>,
    /// Those of the next message.
    elements: Vec<T>,
}

impl<C: Cursor, T, S> State<S, C, T>
where
    S: Stream<Item = Result<(C, T), ReadError>> + Unpin,
{
    /// The next message, and whether it is the last.
    async fn next(&mut self) -> Result<(Option<(Vec<T>, String)>, bool), Status> {
        let mut bytes: usize = self.elements.iter().map(|it| HEADER + (self.len)(it)).sum();
        while let Some((place, element)) =
            self.found.try_next().await.map_err(|error| status(&error))?
        {
            if let Some(page) = self.page.as_ref().filter(|page| page.size == self.sent) {
                let token = self.last.as_ref().map(|last| page.token(last));
                let elements = mem::take(&mut self.elements);
                return Ok((Some((elements, token.unwrap_or_default())), true));
            }
            (self.sent, self.last) = (self.sent + 1, Some(place));
            bytes += HEADER + (self.len)(&element);
            if bytes >= MESSAGE_BYTES && !self.elements.is_empty() {
                let elements = mem::replace(&mut self.elements, vec![element]);
                return Ok((Some((elements, String::new())), false));
            }
            self.elements.push(element);
        }
        Ok((Some((mem::take(&mut self.elements), String::new())), true))
    }
}
