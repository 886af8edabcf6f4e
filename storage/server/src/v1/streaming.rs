use std::future::pending;
use std::time::Duration;

use prost::Message;
use spoor_proto::api_v2::Span;
use spoor_proto::storage_v1::streaming_span_writer_plugin_server::StreamingSpanWriterPlugin;
use spoor_proto::storage_v1::{WriteSpanRequest, WriteSpanResponse};
use tokio::time::{Instant, sleep_until};
use tonic::{Extensions, Request, Response, Status, Streaming, async_trait};

use super::SpanWriter;
use super::writer::write;
use crate::admission::Held;
use crate::write::Refused;

/// How long a span may wait for others to be written with. Nothing acknowledges it before the
/// stream ends, so this bounds what a crash can take.
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);

/// A batch is written once it has so many spans, or bytes as they came.
const MAX_SPANS: usize = 1000;
const MAX_BYTES: usize = 1 << 20;

#[async_trait]
impl StreamingSpanWriterPlugin for SpanWriter {
    async fn write_span_stream(
        &self,
        request: Request<Streaming<WriteSpanRequest>>,
    ) -> Result<Response<WriteSpanResponse>, Status> {
        let (_, extensions, messages) = request.into_parts();
        let held = extensions.get::<Held>().cloned().unwrap_or_default();
        let stream = SpanStream { service: self.clone(), extensions, held };
        // A task of its own, because a client that breaks off ends this call, and what it has sent
        // is still to be written and counted.
        let written = tokio::spawn(stream.write(messages)).await;
        written
            .map_err(|error| Status::internal(format!("writing a stream's spans: {error}")))??;
        Ok(Response::new(WriteSpanResponse {}))
    }
}

/// A stream being written.
struct SpanStream {
    service: SpanWriter,
    extensions: Extensions,
    held: Held,
}

impl SpanStream {
    /// Writes the spans until the stream ends. However that happens, those that came are written.
    async fn write(self, mut messages: Streaming<WriteSpanRequest>) -> Result<(), Status> {
        // A span that is refused does not end the stream.
        let mut refused: Option<Refused> = None;
        loop {
            let (batch, ended) = self.batch(&mut messages).await;
            if !batch.is_empty() {
                refused = match (refused, self.flush(batch).await?) {
                    (Some(before), Some(now)) => {
                        Some(Refused { spans: before.spans + now.spans, ..before })
                    }
                    (before, now) => before.or(now),
                };
            }
            match (ended, refused) {
                (None, _) => {}
                (Some(Ok(())), Some(refused)) => {
                    return Err(Status::invalid_argument(refused.to_string()));
                }
                (Some(ended), _) => return ended,
            }
        }
    }

    /// The next spans to write together, and how the stream ended, if it did.
    async fn batch(
        &self,
        messages: &mut Streaming<WriteSpanRequest>,
    ) -> (Vec<Span>, Option<Result<(), Status>>) {
        let (mut batch, mut bytes, mut due) = (Vec::new(), 0, None);
        // Far below, for OTLP may take more bytes, and the last span is beyond.
        let most = MAX_BYTES.min(self.service.writer.store.longest_request() / 4);
        while batch.len() < MAX_SPANS && bytes < most {
            let message = tokio::select! {
                biased;
                () = self.service.draining.cancelled() => {
                    Err(Status::unavailable("the server is stopping"))
                }
                () = reach(due) => break,
                message = messages.message() => message,
            };
            match message {
                Ok(Some(WriteSpanRequest { span: Some(span) })) => {
                    bytes += span.encoded_len();
                    batch.push(span);
                    due.get_or_insert_with(|| Instant::now() + COMMIT_INTERVAL);
                }
                Ok(Some(WriteSpanRequest { span: None })) => {
                    let status = Status::invalid_argument("a message of the stream has no span");
                    return (batch, Some(Err(status)));
                }
                Ok(None) => return (batch, Some(Ok(()))),
                Err(status) => return (batch, Some(Err(status))),
            }
        }
        (batch, None)
    }

    async fn flush(&self, batch: Vec<Span>) -> Result<Option<Refused>, Status> {
        // Kept until the spans are written.
        let _held = self.held.take();
        write(&self.service.writer, &self.extensions, batch).await
    }
}

/// Waits for the time; for ever if there is none.
async fn reach(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
