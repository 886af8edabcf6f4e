use spoor_proto::storage::capabilities_server::Capabilities;
use spoor_proto::storage::{
    FilterCapabilities, GetCapabilitiesRequest, GetCapabilitiesResponse, SearchCapabilities,
};
use spoor_store::filter::Level;
use tonic::{Request, Response, Status, async_trait};

use super::Reader;
use super::filter::OPERATORS;

#[async_trait]
impl Capabilities for Reader {
    async fn get_capabilities(
        &self,
        _: Request<GetCapabilitiesRequest>,
    ) -> Result<Response<GetCapabilitiesResponse>, Status> {
        let filter = FilterCapabilities {
            levels: Level::ALL.map(|level| level.name().to_owned()).into(),
            operators: OPERATORS.map(str::to_owned).into(),
        };
        let search = SearchCapabilities {
            without_service_name: true,
            same_span_conjunction: true,
            filter: Some(filter),
            paginated: true,
            span_search: true,
            span_sorting: true,
        };
        Ok(Response::new(GetCapabilitiesResponse { search: Some(search) }))
    }
}
