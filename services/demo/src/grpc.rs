//! The gRPC side, but for prices.

use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::routes::{App, IoAnswer};
use crate::tasks::tasks_server::Tasks;
use crate::tasks::{CpuTaskRequest, CpuTaskResponse, IoTask};
use crate::work::MAX_LIMIT;

pub(crate) const CPU_TASK: &str = "demo.v1.Tasks/CpuTask";
pub(crate) const QUOTE: &str = "demo.v1.Pricing/Quote";

#[tonic::async_trait]
impl Tasks for App {
    async fn cpu_task(
        &self,
        request: Request<CpuTaskRequest>,
    ) -> Result<Response<CpuTaskResponse>, Status> {
        let limit = request.into_inner().limit;
        if limit > MAX_LIMIT {
            let reason = format!("limit {limit} is above {MAX_LIMIT}");
            return Err(status(&Error::BadRequest(reason)));
        }
        let answer = self.peers.get(&self.peers.target_one, "/io_task").await;
        let IoAnswer { service, milliseconds } = answer.map_err(|error| status(&error))?;
        let primes = self.cpu.count_primes(limit).await;
        Ok(Response::new(CpuTaskResponse {
            service: self.name.clone(),
            primes,
            io_task: Some(IoTask { service, milliseconds }),
        }))
    }
}

/// Logs the error, and answers it.
pub(crate) fn status(error: &Error) -> Status {
    error.log();
    match error {
        Error::BadRequest(reason) => Status::invalid_argument(reason),
        Error::NotFound(reason) => Status::not_found(reason),
        Error::Conflict(reason) => Status::failed_precondition(reason),
        Error::Deliberate | Error::Database { .. } => Status::internal(error.to_string()),
        Error::Busy(_) | Error::Upstream { .. } => Status::unavailable(error.to_string()),
    }
}
