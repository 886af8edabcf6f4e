//! Where log records go.

use std::sync::Arc;

use opentelemetry_otlp::LogExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder, BatchLogProcessor, SdkLoggerProvider, SimpleLogProcessor,
};

use super::console::Console;
use super::otlp::{over_grpc, over_http};
use super::queue::{Counted, Gate};
use super::{Ledger, MAX_QUEUE_SIZE, number};
use crate::InitError;
use crate::environment::{Export, Lookup, Otlp, Protocol, Settings};

/// The provider of log records, if they go anywhere, and the account of its queue, if it has one.
pub(crate) fn logs(
    settings: &Settings,
    lookup: Lookup<'_>,
    resource: &Resource,
) -> Result<(Option<SdkLoggerProvider>, Option<Arc<Ledger>>), InitError> {
    if settings.logs == Export::default() {
        return Ok((None, None));
    }
    let mut provider = SdkLoggerProvider::builder().with_resource(resource.clone());
    if settings.logs.console {
        provider = provider.with_log_processor(SimpleLogProcessor::new(Console::default()));
    }
    let Some(otlp) = settings.logs.otlp else { return Ok((Some(provider.build()), None)) };
    let (processor, ledger) = queue(exporter(otlp, lookup)?, lookup);
    Ok((Some(provider.with_log_processor(processor).build()), Some(ledger)))
}

fn exporter(otlp: Otlp, lookup: Lookup<'_>) -> Result<LogExporter, InitError> {
    let exporter = LogExporter::builder();
    let built = match otlp.protocol {
        Protocol::Grpc => over_grpc(exporter.with_tonic(), otlp, lookup, "LOGS").build(),
        Protocol::Http => over_http(exporter.with_http(), otlp, lookup, "LOGS").build(),
    };
    built.map_err(InitError::Exporter)
}

fn queue(exporter: LogExporter, lookup: Lookup<'_>) -> (Gate<BatchLogProcessor>, Arc<Ledger>) {
    let size = number(lookup, "OTEL_BLRP_MAX_QUEUE_SIZE").unwrap_or(MAX_QUEUE_SIZE);
    let ledger = Arc::new(Ledger::new("log records", size));
    let config = BatchConfigBuilder::default().with_max_queue_size(size).build();
    let exporter = Counted { exporter, ledger: ledger.clone() };
    let processor = BatchLogProcessor::builder(exporter).with_batch_config(config).build();
    (Gate { processor, ledger: ledger.clone() }, ledger)
}
