use spoor_proto::api_v2::DependencyLink;
use spoor_proto::storage;
use spoor_proto::storage::dependency_reader_server::DependencyReader;
use spoor_proto::storage_v1::dependencies_reader_plugin_server::DependenciesReaderPlugin;
use spoor_proto::storage_v1::{GetDependenciesRequest, GetDependenciesResponse};
use tonic::{Request, Response, Status, async_trait};

use super::SpanReader;

#[async_trait]
impl DependenciesReaderPlugin for SpanReader {
    async fn get_dependencies(
        &self,
        request: Request<GetDependenciesRequest>,
    ) -> Result<Response<GetDependenciesResponse>, Status> {
        let request = request.map(|GetDependenciesRequest { start_time, end_time }| {
            storage::GetDependenciesRequest { start_time, end_time }
        });
        let answer = DependencyReader::get_dependencies(&self.reader, request).await?;
        Ok(answer.map(|answer| GetDependenciesResponse {
            dependencies: answer.dependencies.into_iter().map(link).collect(),
        }))
    }
}

fn link(dependency: storage::Dependency) -> DependencyLink {
    DependencyLink {
        parent: dependency.parent,
        child: dependency.child,
        call_count: dependency.call_count,
        source: dependency.source,
    }
}
