use spoor_proto::storage::capabilities_server::Capabilities;
use spoor_proto::storage::{GetCapabilitiesRequest, GetCapabilitiesResponse, SearchCapabilities};
use tonic::{Request, Response, Status, async_trait};

use super::Reader;

#[async_trait]
impl Capabilities for Reader {
    async fn get_capabilities(
        &self,
        _: Request<GetCapabilitiesRequest>,
    ) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let search = SearchCapabilities {
            without_service_name: true,
            same_span_conjunction: true,
            ..SearchCapabilities::default()
        };
        Ok(Response::new(GetCapabilitiesResponse { search: Some(search) }))
    }
}
