use spoor_proto::storage_v1::archive_span_reader_plugin_server::ArchiveSpanReaderPlugin;
use spoor_proto::storage_v1::archive_span_writer_plugin_server::ArchiveSpanWriterPlugin;
use spoor_proto::storage_v1::{GetTraceRequest, WriteSpanRequest, WriteSpanResponse};
use tonic::{Request, Response, Status, async_trait};

use super::reader::{Spans, get_trace};
use super::writer::write_one;
use crate::read::Reader;
use crate::write::Writer;

/// Serves `ArchiveSpanReaderPlugin` and `ArchiveSpanWriterPlugin` on a store of their own.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
}

#[async_trait]
impl ArchiveSpanReaderPlugin for Archive {
    type GetArchiveTraceStream = Spans;

    async fn get_archive_trace(
        &self,
        request: Request<GetTraceRequest>,
    ) -> Result<Response<Spans>, Status> {
        get_trace(&self.reader, request).await
    }
}

#[async_trait]
impl ArchiveSpanWriterPlugin for Archive {
    async fn write_archive_span(
        &self,
        request: Request<WriteSpanRequest>,
    ) -> Result<Response<WriteSpanResponse>, Status> {
        write_one(&self.writer, request).await
    }
}
