use spoor_proto::storage_v1::plugin_capabilities_server::PluginCapabilities;
use spoor_proto::storage_v1::{CapabilitiesRequest, CapabilitiesResponse};
use tonic::{Request, Response, Status, async_trait};

/// Serves `PluginCapabilities`.
#[derive(Clone, Copy)]
pub(crate) struct Capabilities {
    /// Whether there is an archive.
    pub(crate) archive: bool,
    /// Whether Jaeger is to write spans by stream.
    pub(crate) streaming_writer: bool,
}

#[async_trait]
impl PluginCapabilities for Capabilities {
    async fn capabilities(
        &self,
        _: Request<CapabilitiesRequest>,
    ) -> Result<Response<CapabilitiesResponse>, Status> {
        Ok(Response::new(CapabilitiesResponse {
            archive_span_reader: self.archive,
            archive_span_writer: self.archive,
            streaming_span_writer: self.streaming_writer,
        }))
    }
}
