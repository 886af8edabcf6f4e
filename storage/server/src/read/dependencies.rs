use spoor_proto::storage::dependency_reader_server::DependencyReader;
use spoor_proto::storage::{Dependency, GetDependenciesRequest, GetDependenciesResponse};
use tonic::{Request, Response, Status, async_trait};

use super::{Reader, convert, status};
use crate::identity::tenant;

#[async_trait]
impl DependencyReader for Reader {
    async fn get_dependencies(
        &self,
        request: Request<GetDependenciesRequest>,
    ) -> Result<Response<GetDependenciesResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let tenant = tenant(&extensions)?;
        let GetDependenciesRequest { start_time, end_time } = request;
        let start = convert::start_range(("start_time", start_time), ("end_time", end_time))?;
        let Some(range) = start else {
            return Ok(Response::new(GetDependenciesResponse::default()));
        };
        let found =
            self.store.dependencies(&tenant, range).await.map_err(|error| status(&error))?;
        let mut dependencies: Vec<_> = found
            .into_iter()
            .map(|dependency| Dependency {
                parent: dependency.parent,
                child: dependency.child,
                call_count: dependency.calls,
                source: String::new(),
            })
            .collect();
        self.truncate(&extensions, &mut dependencies);
        Ok(Response::new(GetDependenciesResponse { dependencies }))
    }
}
