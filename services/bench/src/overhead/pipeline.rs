//! Where spans and metrics go, the same for all layers: what the SDK has, up to an exporter that
//! counts and drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use opentelemetry::global;
use opentelemetry::metrics::NoopMeterProvider;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter,
};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

/// Longer than a run: what is exported is so because a batch is full, or at the end of a turn.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// The process's, once.
pub struct Pipeline {
    provider: SdkTracerProvider,
    meters: SdkMeterProvider,
    exported: Exported,
}

/// What has come to the exporter.
#[derive(Clone, Debug, Default)]
struct Exported(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    spans: AtomicU64,
    attributes: AtomicU64,
    /// Calls that the histograms have recorded.
    measured: AtomicU64,
}

impl Pipeline {
    /// `queue` spans fit in.
    pub fn install(queue: usize) -> Result<Self> {
        let exported = Exported::default();
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(queue)
            .with_scheduled_delay(NEVER)
            .build();
        let processor = BatchSpanProcessor::builder(exported.clone()).with_batch_config(config);
        // Its sampler follows the parent.
        let provider = SdkTracerProvider::builder().with_span_processor(processor.build()).build();
        // As telemetry has it: by default it tells more of threads, lines and times.
        let spans = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("telemetry-bench"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(Targets::new().with_targets([
                ("telemetry", LevelFilter::INFO),
                ("otel::tracing", LevelFilter::INFO),
            ]));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(spans))?;
        let reader = PeriodicReader::builder(exported.clone()).with_interval(NEVER).build();
        let meters = SdkMeterProvider::builder().with_reader(reader).build();
        Ok(Self { provider, meters, exported })
    }

    /// Whether layers that have recorded nothing yet record their metrics.
    pub fn measure(&self, do_so: bool) {
        if do_so {
            global::set_meter_provider(self.meters.clone());
        } else {
            global::set_meter_provider(NoopMeterProvider::new());
        }
    }

    /// Exports what has ended, and tells how many spans were exported so far.
    pub fn flush(&self) -> Result<u64> {
        self.provider.force_flush()?;
        Ok(self.exported.0.spans.load(Ordering::Relaxed))
    }

    /// The attributes of all spans so far.
    pub fn attributes(&self) -> u64 {
        self.exported.0.attributes.load(Ordering::Relaxed)
    }

    /// Fails unless so many calls were measured.
    pub fn check_measured(&self, calls: u64) -> Result<()> {
        self.meters.force_flush()?;
        let measured = self.exported.0.measured.load(Ordering::Relaxed);
        ensure!(measured == calls, "{measured} of {calls} calls were measured");
        Ok(())
    }
}

impl SpanExporter for Exported {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let attributes: usize = batch.iter().map(|span| span.attributes.len()).sum();
        self.0.attributes.fetch_add(attributes as u64, Ordering::Relaxed);
        self.0.spans.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl PushMetricExporter for Exported {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let metrics = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        let measured = metrics.filter_map(|metric| match metric.data() {
            AggregatedMetrics::F64(MetricData::Histogram(calls)) => {
                Some(calls.data_points().map(|point| point.count()).sum::<u64>())
            }
            _ => None,
        });
        self.0.measured.store(measured.sum(), Ordering::Relaxed);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
