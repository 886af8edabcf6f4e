//! Where spans go.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, ShouldSample, SimpleSpanProcessor,
};

use super::console::Console;
use super::otlp::{over_grpc, over_http};
use super::queue::{Counted, Gate};
use super::shorten::Shortened;
use super::{Ledger, MAX_QUEUE_SIZE, number};
use crate::InitError;
use crate::environment::{Lookup, Otlp, Protocol, Settings};

/// A person who tries something looks for its trace at once; the SDK's own default is 5 s, and for
/// log records this.
const SCHEDULE_DELAY: Duration = Duration::from_secs(1);

/// The provider of spans, and the account of its queue, if it has one.
pub(crate) fn traces(
    settings: &Settings,
    lookup: Lookup<'_>,
    resource: &Resource,
    sampler: Box<dyn ShouldSample>,
) -> Result<(SdkTracerProvider, Option<Arc<Ledger>>), InitError> {
    let limits = settings.limits;
    let mut provider =
        SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(sampler);
    if let Some(count) = limits.spans.count {
        provider = provider.with_max_attributes_per_span(count);
    }
    if let Some(count) = limits.per_event {
        provider = provider.with_max_attributes_per_event(count);
    }
    if let Some(count) = limits.per_link {
        provider = provider.with_max_attributes_per_link(count);
    }
    if settings.traces.console {
        let exporter = Shortened { exporter: Console::default(), limits: limits.spans };
        provider = provider.with_span_processor(SimpleSpanProcessor::new(exporter));
    }
    let Some(otlp) = settings.traces.otlp else { return Ok((provider.build(), None)) };
    let exporter = exporter(otlp, lookup)?;
    let (processor, ledger) = queue(Shortened { exporter, limits: limits.spans }, lookup);
    Ok((provider.with_span_processor(processor).build(), Some(ledger)))
}

fn exporter(otlp: Otlp, lookup: Lookup<'_>) -> Result<SpanExporter, InitError> {
    let exporter = SpanExporter::builder();
    let built = match otlp.protocol {
        Protocol::Grpc => over_grpc(exporter.with_tonic(), otlp, lookup, "TRACES").build(),
        Protocol::Http => over_http(exporter.with_http(), otlp, lookup, "TRACES").build(),
    };
    built.map_err(InitError::Exporter)
}

fn queue(
    exporter: Shortened<SpanExporter>,
    lookup: Lookup<'_>,
) -> (Gate<BatchSpanProcessor>, Arc<Ledger>) {
    let size = number(lookup, "OTEL_BSP_MAX_QUEUE_SIZE").unwrap_or(MAX_QUEUE_SIZE);
    let ledger = Arc::new(Ledger::new("spans", size));
    let mut config = BatchConfigBuilder::default().with_max_queue_size(size);
    if let Some(batch) = number(lookup, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE") {
        // The SDK has cut it to the size of its own queue.
        config = config.with_max_export_batch_size(batch);
    }
    if lookup("OTEL_BSP_SCHEDULE_DELAY").is_none() {
        config = config.with_scheduled_delay(SCHEDULE_DELAY);
    }
    let exporter = Counted { exporter, ledger: ledger.clone() };
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
    (Gate { processor, ledger: ledger.clone() }, ledger)
}
