use spoor_proto::api_v2::Span;
use spoor_proto::storage_v1::span_writer_plugin_server::SpanWriterPlugin;
use spoor_proto::storage_v1::{
    CloseWriterRequest, CloseWriterResponse, WriteSpanRequest, WriteSpanResponse,
};
use tokio_util::sync::CancellationToken;
use tonic::{Extensions, Request, Response, Status, async_trait};

use crate::write::{Refused, Writer};

/// Serves `SpanWriterPlugin` and `StreamingSpanWriterPlugin`.
#[derive(Clone)]
pub(crate) struct SpanWriter {
    pub(crate) writer: Writer,
    /// Ends streams, whose clients would keep them open for ever.
    pub(crate) draining: CancellationToken,
}

#[async_trait]
impl SpanWriterPlugin for SpanWriter {
    async fn write_span(
        &self,
        request: Request<WriteSpanRequest>,
    ) -> Result<Response<WriteSpanResponse>, Status> {
        write_one(&self.writer, request).await
    }

    async fn close(
        &self,
        _: Request<CloseWriterRequest>,
    ) -> Result<Response<CloseWriterResponse>, Status> {
        // Nothing waits: a span is acknowledged once it is kept.
        Ok(Response::new(CloseWriterResponse {}))
    }
}

/// Writes the span of a unary request.
pub(super) async fn write_one(
    writer: &Writer,
    request: Request<WriteSpanRequest>,
) -> Result<Response<WriteSpanResponse>, Status> {
    let (_, extensions, WriteSpanRequest { span }) = request.into_parts();
    let span = span.ok_or_else(|| Status::invalid_argument("the request has no span"))?;
    match write(writer, &extensions, vec![span]).await? {
        None => Ok(Response::new(WriteSpanResponse {})),
        Some(refused) => Err(Status::invalid_argument(refused.to_string())),
    }
}

/// Writes spans as an export with the extensions of the request they came by.
pub(super) async fn write(
    writer: &Writer,
    extensions: &Extensions,
    spans: Vec<Span>,
) -> Result<Option<Refused>, Status> {
    let written = writer.write(extensions, jaeger_otlp::request(spans).into()).await?;
    Ok(Refused::of(&written))
}
