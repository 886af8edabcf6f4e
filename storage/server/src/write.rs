//! OTLP's `TraceService` over the store.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_server::TraceService;
use spoor_proto::otlp::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use spoor_store::ingest::{Refusal, Written};
use spoor_store::{Store, WriteError};
use tonic::{Extensions, Request, Response, Status, async_trait};

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
        let (_, extensions, RawTraces(bytes)) = request.into_parts();
        let written = self.write(&extensions, bytes).await?;
        let partial_success = partial_success(&written);
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

impl Writer {
    /// Keeps the good spans of an encoded export, for the tenant of a request with these extensions.
    pub(crate) async fn write(
        &self,
        extensions: &Extensions,
        export: Bytes,
    ) -> Result<Written, Status> {
        let tenant = tenant(extensions)?;
        let written = self.store.write(&tenant, export).await.map_err(|error| {
            tracing::debug!(%error, "refused an export");
            status(&error)
        })?;
        self.metrics.written(&written);
        Ok(written)
    }
}

fn partial_success(written: &Written) -> Option<ExportTracePartialSuccess> {
    let refused = Refused::of(written)?;
    Some(ExportTracePartialSuccess {
        rejected_spans: i64::try_from(refused.spans).unwrap_or(i64::MAX),
        error_message: refused.to_string(),
    })
}

/// Spans that were refused one by one, beside others that were kept.
#[derive(Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) spans: u64,
    /// Why the first one was.
    pub(crate) first: Refusal,
}

impl Refused {
    pub(crate) fn of(written: &Written) -> Option<Self> {
        Some(Self { spans: written.total().refused, first: written.first_refusal? })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spans, first } = self;
        match spans {
            1 => write!(f, "1 span was refused because its {first}"),
            _ => write!(f, "{spans} spans were refused, the first because its {first}"),
        }
    }
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
