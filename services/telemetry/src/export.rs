//! Export of spans, away from the requests that made them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor,
};
use tokio::runtime::Runtime;
use tracing::{info, warn};

use crate::InitError;
use crate::environment::{Lookup, Traces};

/// A person who tries something looks for its trace at once; the SDK's own default is 5 s.
const SCHEDULE_DELAY: Duration = Duration::from_secs(1);
/// Spans. A burst of some hundred requests fits; the SDK's own default is 2,048.
const MAX_QUEUE_SIZE: usize = 8_192;

/// The runtime of an exporter's connection. It is not the service's: export goes on while that one
/// is busy or stopping, and a flush may block any thread of the service.
#[derive(Debug)]
pub(crate) struct ExportRuntime(Option<Runtime>);

impl Drop for ExportRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waits for nothing, and so is allowed where blocking is not.
            runtime.shutdown_background();
        }
    }
}

/// The OTLP exporter behind its queue and thread, if there is to be one.
pub(crate) fn processor(
    traces: &Traces,
    lookup: Lookup<'_>,
) -> Result<Option<(impl SpanProcessor + use<>, ExportRuntime)>, InitError> {
    let (exporter, runtime) = match traces {
        Traces::Disabled | Traces::Kept => return Ok(None),
        Traces::Grpc => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("otlp")
                .enable_all()
                .build()
                .map_err(InitError::Runtime)?;
            let _entered = runtime.enter();
            let exporter = OtlpExporter::builder().with_tonic().build();
            (exporter, ExportRuntime(Some(runtime)))
        }
        // The SDK's thread cannot drive an async HTTP client; the blocking one has its own thread.
        Traces::Http => (OtlpExporter::builder().with_http().build(), ExportRuntime(None)),
    };
    let exporter = Reporting::new(exporter.map_err(InitError::Exporter)?);

    let mut config = BatchConfigBuilder::default();
    if lookup("OTEL_BSP_SCHEDULE_DELAY").is_none() {
        config = config.with_scheduled_delay(SCHEDULE_DELAY);
    }
    if lookup("OTEL_BSP_MAX_QUEUE_SIZE").is_none() {
        config = config.with_max_queue_size(MAX_QUEUE_SIZE);
    }
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
    Ok(Some((processor, runtime)))
}

/// Says once that spans do not arrive, and once that they do again, rather than once a batch.
#[derive(Debug)]
struct Reporting<E> {
    exporter: E,
    /// Spans given up since the last batch that arrived.
    lost: AtomicUsize,
}

impl<E> Reporting<E> {
    fn new(exporter: E) -> Self {
        Self { exporter, lost: AtomicUsize::new(0) }
    }
}

impl<E: SpanExporter> SpanExporter for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        match &result {
            Ok(()) => {
                let lost_spans = self.lost.swap(0, Ordering::Relaxed);
                if lost_spans > 0 {
                    info!(lost_spans, "spans are exported again");
                }
            }
            Err(error) => {
                if self.lost.fetch_add(spans, Ordering::Relaxed) == 0 {
                    warn!(%error, "spans cannot be exported and are lost until this changes");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::testing::trace::new_test_export_span_data;

    use super::*;
    use crate::testing::Telemetry;

    #[derive(Debug, Default)]
    struct Backend {
        is_down: AtomicBool,
    }

    impl SpanExporter for Backend {
        async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
            if self.is_down.load(Ordering::Relaxed) {
                return Err(OTelSdkError::InternalFailure("connection refused".to_owned()));
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_outage_is_told_once_when_it_begins_and_once_when_it_ends() {
        let telemetry = Telemetry::start();
        let exporter = Reporting::new(Backend::default());
        let batch = vec![new_test_export_span_data(); 3];
        for is_down in [false, true, true, false, false] {
            exporter.exporter.is_down.store(is_down, Ordering::Relaxed);
            let result = exporter.export(batch.clone()).await;
            assert_eq!(result.is_err(), is_down);
        }
        let [began, ended] = telemetry.log_lines().try_into().unwrap();
        assert!(began.contains("WARN") && began.contains("connection refused"), "{began}");
        assert!(ended.contains("lost_spans=6"), "{ended}");
    }
}
