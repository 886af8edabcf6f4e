//! OTLP's `TraceService` over the store.

use std::sync::Arc;

use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_server::TraceService;
use spoor_proto::otlp::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use spoor_store::ingest::Written;
use spoor_store::{Store, WriteError};
use tonic::{Request, Response, Status, async_trait};

use crate::admission::overloaded;
use crate::identity::tenant;
use crate::metrics::Metrics;

#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Arc<Metrics>,
}

#[async_trait]
impl TraceService for Writer {
    async fn export(
        &self,
        request: Request<RawTraces>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let tenant = tenant(request.extensions())?;
        let RawTraces(bytes) = request.into_inner();
        let written = self.store.write(&tenant, bytes).await.map_err(|error| {
            tracing::debug!(%error, "refused an export");
            status(&error)
        })?;
        self.metrics.written(&written);
        let partial_success = partial_success(&written);
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

fn partial_success(written: &Written) -> Option<ExportTracePartialSuccess> {
    let refused = written.total().refused;
    let reason = written.first_refusal?;
    Some(ExportTracePartialSuccess {
        rejected_spans: i64::try_from(refused).unwrap_or(i64::MAX),
        error_message: format!("{refused} spans were refused; the first because its {reason}"),
    })
}

/// The status of a failed write. Clients never retry `INVALID_ARGUMENT`; they do retry
/// `UNAVAILABLE`, and `RESOURCE_EXHAUSTED` when it carries `RetryInfo`
/// (OTLP specification, "OTLP/gRPC Response").
fn status(error: &WriteError) -> Status {
    let message = error.to_string();
    match error {
        WriteError::Malformed(_) | WriteError::TooLarge(_) => Status::invalid_argument(message),
        WriteError::Overloaded { retry_after, .. } => overloaded(message, *retry_after),
        WriteError::Unavailable(_) => Status::unavailable(message),
        _ => Status::internal(message),
    }
}
