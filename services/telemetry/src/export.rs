//! Export of spans and log records, away from the requests that made them.

mod outage;

use opentelemetry_otlp::{LogExporter, RetryPolicy, SpanExporter, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::{logs, trace};
use std::time::Duration;
use tokio::runtime::{EnterGuard, Handle, Runtime};

use crate::InitError;
use crate::environment::{Lookup, Protocol, Settings};
use outage::Reporting;

/// Where the reports of an outage come from; they are never exported themselves.
pub(crate) const TARGET: &str = module_path!();

/// A person who tries something looks for its trace at once; the SDK's own default is 5 s, and for
/// log records this.
const SCHEDULE_DELAY: Duration = Duration::from_secs(1);
/// Spans, or log records. A burst of some hundred requests fits, or a backend's restart; the SDK's
/// own default is 2,048.
const MAX_QUEUE_SIZE: usize = 8_192;

/// The OTLP exporters behind their queues and threads, as far as there are to be any.
pub(crate) struct Exporters {
    pub traces: Option<trace::BatchSpanProcessor>,
    pub logs: Option<logs::BatchLogProcessor>,
    pub runtime: Option<ExportRuntime>,
}

impl Exporters {
    pub fn new(settings: &Settings, lookup: Lookup<'_>) -> Result<Self, InitError> {
        let Settings { traces, logs, sampling, .. } = settings;
        // Over HTTP there is none: the SDK's threads cannot drive an async client, and the blocking
        // one has a thread of its own.
        let is_grpc = [traces, logs].contains(&&Some(Protocol::Grpc));
        let runtime = (is_grpc || sampling.is_remote()).then(ExportRuntime::start).transpose()?;
        let _entered = runtime.as_ref().map(ExportRuntime::enter);
        Ok(Self {
            traces: traces.map(|protocol| span_processor(protocol, lookup)).transpose()?,
            logs: logs.map(|protocol| log_processor(protocol, lookup)).transpose()?,
            runtime,
        })
    }
}

/// The runtime of the exporters' connections, and of a sampler's. It is not the service's: export goes on while that
/// one is busy or stopping, and a flush may block any thread of the service.
#[derive(Debug)]
pub(crate) struct ExportRuntime(Option<Runtime>);

impl ExportRuntime {
    fn start() -> Result<Self, InitError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()
            .map_err(InitError::Runtime)?;
        Ok(Self(Some(runtime)))
    }

    fn enter(&self) -> EnterGuard<'_> {
        self.runtime().enter()
    }

    pub fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("only drop takes it")
    }
}

impl Drop for ExportRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waits for nothing, and so is allowed where blocking is not.
            runtime.shutdown_background();
        }
    }
}

/// Tries again until `OTEL_EXPORTER_OTLP_TIMEOUT` is over, by default 10 s, while the queue takes
/// what comes: a backend that restarts misses nothing. The library's own default ends after 1 s; of
/// 4 s with an outage of 2 s in them it lost a quarter. A gRPC call that is cut off under way, as by
/// a backend's crash, is not tried again: the library takes its code, UNKNOWN, for final.
fn retry_policy() -> RetryPolicy {
    RetryPolicy::default().with_max_retries(usize::MAX)
}

fn span_processor(
    protocol: Protocol,
    lookup: Lookup<'_>,
) -> Result<trace::BatchSpanProcessor, InitError> {
    let exporter = SpanExporter::builder();
    let exporter = match protocol {
        Protocol::Grpc => exporter.with_tonic().with_retry_policy(retry_policy()).build(),
        Protocol::Http => exporter.with_http().with_retry_policy(retry_policy()).build(),
    };
    let exporter = Reporting::new("spans", exporter.map_err(InitError::Exporter)?);
    let mut config = trace::BatchConfigBuilder::default();
    if lookup("OTEL_BSP_SCHEDULE_DELAY").is_none() {
        config = config.with_scheduled_delay(SCHEDULE_DELAY);
    }
    if lookup("OTEL_BSP_MAX_QUEUE_SIZE").is_none() {
        config = config.with_max_queue_size(MAX_QUEUE_SIZE);
    }
    Ok(trace::BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build())
}

fn log_processor(
    protocol: Protocol,
    lookup: Lookup<'_>,
) -> Result<logs::BatchLogProcessor, InitError> {
    let exporter = LogExporter::builder();
    let exporter = match protocol {
        Protocol::Grpc => exporter.with_tonic().with_retry_policy(retry_policy()).build(),
        Protocol::Http => exporter.with_http().with_retry_policy(retry_policy()).build(),
    };
    let exporter = Reporting::new("log records", exporter.map_err(InitError::Exporter)?);
    let mut config = logs::BatchConfigBuilder::default();
    if lookup("OTEL_BLRP_MAX_QUEUE_SIZE").is_none() {
        config = config.with_max_queue_size(MAX_QUEUE_SIZE);
    }
    Ok(logs::BatchLogProcessor::builder(exporter).with_batch_config(config.build()).build())
}
