//! The gRPC side, but for prices.

use tonic::{Request, Response, Status};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::error::Error;
use crate::faults::Scope;
use crate::routes::{App, IoAnswer};
use crate::tasks::tasks_server::Tasks;
use crate::tasks::{CpuTaskRequest, CpuTaskResponse, IoTask};
use crate::tier::Tier;
use crate::work::MAX_LIMIT;

pub(crate) const CPU_TASK: &str = "demo.v1.Tasks/CpuTask";
pub(crate) const QUOTE: &str = "demo.v1.Pricing/Quote";

#[tonic::async_trait]
impl Tasks for App {
    async fn cpu_task(
        &self,
        request: Request<CpuTaskRequest>,
    ) -> Result<Response<CpuTaskResponse>, Status> {
        let tier = Tier::in_baggage(&Span::current().context());
        let scope = Scope { operation: CPU_TASK.to_owned(), tier };
        let done = self.faults.during(scope, self.task_done(request.into_inner().limit)).await;
        done.map(Response::new).map_err(|error| status(&error))
    }
}

impl App {
    async fn task_done(&self, limit: u32) -> Result<CpuTaskResponse, Error> {
        if limit > MAX_LIMIT {
            return Err(Error::BadRequest(format!("limit {limit} is above {MAX_LIMIT}")));
        }
        let IoAnswer { service, milliseconds } =
            self.peers.get(&self.peers.target_one, "/io_task").await?;
        let primes = self.cpu.count_primes(limit).await;
        let io_task = Some(IoTask { service, milliseconds });
        Ok(CpuTaskResponse { service: self.name.clone(), primes, io_task })
    }
}

/// Logs the error, and answers it.
pub(crate) fn status(error: &Error) -> Status {
    error.log();
    match error {
        Error::BadRequest(reason) => Status::invalid_argument(reason),
        Error::NotFound(reason) => Status::not_found(reason),
        Error::Conflict(reason) => Status::failed_precondition(reason),
        Error::Deliberate | Error::Fault(_) | Error::Database { .. } => {
            Status::internal(error.to_string())
        }
        Error::Busy(_) | Error::Upstream { .. } => Status::unavailable(error.to_string()),
    }
}
