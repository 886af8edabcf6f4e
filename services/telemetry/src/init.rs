//! What is one per process: providers, propagators, subscriber.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::logs::LoggerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Subscriber, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use crate::InitError;
use crate::environment::{self, Settings};
use crate::export::{ExportRuntime, Exporters};
use crate::log::{LogFormat, LogLine};
use crate::subscriber::{self, log_filter, scope};

/// How long a dropped [`Guard`] may take.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// Sets up traces and logs of the process, once.
///
/// `service_name` is what `service.name` of the resource becomes, also where a variable says
/// otherwise; [`service_name`](crate::service_name) reads those. The rest is configured by
///
/// - `OTEL_EXPORTER_OTLP_*` (the protocol is `grpc` unless it says `http/protobuf`),
///   `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SDK_DISABLED`;
/// - `OTEL_TRACES_EXPORTER` and `OTEL_LOGS_EXPORTER` (`otlp` or `none`);
/// - `OTEL_TRACES_SAMPLER`: `always_on`, `always_off`, `traceidratio` or `jaeger_remote`, alone or
///   after `parentbased_`; for the last, `OTEL_TRACES_SAMPLER_ARG` is as
///   `endpoint=http://localhost:5779,pollingIntervalMs=60000,initialSamplingRate=0.001`;
/// - `OTEL_PROPAGATORS`: of `tracecontext`, `baggage` and `jaeger`, the first two by default;
/// - `OTEL_BSP_*` and `OTEL_BLRP_*` (a batch leaves after 1 s, 8,192 spans and as many log records
///   may wait);
/// - `RUST_LOG` (default `info`) for the logs alone: it hides no span.
///
/// A log line is an exported record, too, but for those of the libraries below the exporter and of
/// the exporter's failures. A backend that is down or slow never holds up a span's end or a log
/// line: the queue overflows instead.
///
/// # Errors
/// A variable with a value that cannot be followed, and a second call.
pub fn init(service_name: &str, log_format: LogFormat) -> Result<Guard, InitError> {
    check_is_first()?;
    let settings = Settings::from_environment(&environment::process)?;
    let directives = environment::process("RUST_LOG").unwrap_or_default();
    let filter =
        log_filter(&directives).map_err(|error| InitError::LogFilter { directives, error })?;
    let guard = Guard::new(&settings, service_name)?;
    // Without a provider the global tracer makes no span and passes the caller's context on.
    if settings.spans {
        global::set_tracer_provider(guard.traces.clone());
    }

    let traces = subscriber::traces(global::tracer_with_scope(scope()), subscriber::spans());
    let line = LogLine::new(log_format, service_name);
    let logs = subscriber::logs(filter, line, std::io::stdout, guard.logger());
    install(tracing_subscriber::registry().with(traces).with(logs))?;
    global::set_text_map_propagator(settings.propagators.build());
    Ok(guard)
}

/// Sets up the logs of a process that makes no spans, once. `filter` tells which events are logged.
///
/// They are exported only where `OTEL_LOGS_EXPORTER` is `otlp`; all else is as [`init`] has it,
/// without what concerns spans and `RUST_LOG`.
///
/// # Errors
/// As [`init`].
pub fn init_logs(
    service_name: &str,
    log_format: LogFormat,
    filter: Targets,
) -> Result<Guard, InitError> {
    check_is_first()?;
    let settings = Settings::of_logs(&environment::process)?;
    let guard = Guard::new(&settings, service_name)?;
    let line = LogLine::new(log_format, service_name);
    let filter = subscriber::events(filter);
    let logs = subscriber::logs(filter, line, std::io::stdout, guard.logger());
    install(tracing_subscriber::registry().with(logs))?;
    Ok(guard)
}

/// Sets up logs and spans of a process that begins no trace, once: its calls are spans if they come
/// with a sampled trace ([`grpc::ServerLayer::continuing`](crate::grpc::ServerLayer::continuing)),
/// and so is what is below these, on any thread. Any other span is none.
///
/// The logs are as [`init_logs`] has them, what concerns spans as [`init`].
///
/// # Errors
/// As [`init`].
pub fn init_continuing(
    service_name: &str,
    log_format: LogFormat,
    filter: Targets,
) -> Result<Guard, InitError> {
    check_is_first()?;
    let settings = Settings::of_callee(&environment::process)?;
    let guard = Guard::new(&settings, service_name)?;
    if settings.spans {
        global::set_tracer_provider(guard.traces.clone());
    }
    let traces = subscriber::traces(global::tracer_with_scope(scope()), subscriber::spans_below());
    let line = LogLine::new(log_format, service_name);
    let filter = subscriber::events(filter);
    let logs = subscriber::logs(filter, line, std::io::stdout, guard.logger());
    install(tracing_subscriber::registry().with(traces).with(logs))?;
    global::set_text_map_propagator(settings.propagators.build());
    Ok(guard)
}

/// Before an exporter is made: it would be one too many.
fn check_is_first() -> Result<(), InitError> {
    if tracing::dispatcher::has_been_set() {
        return Err(InitError::AlreadyInitialized);
    }
    Ok(())
}

fn install(subscriber: impl Subscriber + Send + Sync) -> Result<(), InitError> {
    tracing::subscriber::set_global_default(subscriber).map_err(|_| InitError::AlreadyInitialized)
}

/// Keeps telemetry going. Dropped, it flushes for at most 5 s.
#[derive(Debug)]
#[must_use = "telemetry ends when this is dropped"]
pub struct Guard {
    traces: SdkTracerProvider,
    logs: Option<SdkLoggerProvider>,
    _runtime: Option<ExportRuntime>,
}

impl Guard {
    fn new(settings: &Settings, service_name: &str) -> Result<Self, InitError> {
        let Exporters { traces, logs, runtime } = Exporters::new(settings, &environment::process)?;
        let resource = Resource::builder().with_service_name(service_name.to_owned()).build();
        let sampler = settings.sampling.build(
            service_name,
            settings.propagators.include_jaeger(),
            runtime.as_ref().map(ExportRuntime::handle),
        );
        let mut provider =
            SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(sampler);
        if let Some(processor) = traces {
            provider = provider.with_span_processor(processor);
        }
        let logs = logs.map(|processor| {
            SdkLoggerProvider::builder()
                .with_resource(resource)
                .with_log_processor(processor)
                .build()
        });
        Ok(Self { traces: provider.build(), logs, _runtime: runtime })
    }

    fn logger(&self) -> Option<SdkLogger> {
        self.logs.as_ref().map(|provider| provider.logger_with_scope(scope()))
    }

    /// Exports the spans and log records that wait, then stops. Blocks the thread, at most until the
    /// deadline.
    pub fn shutdown(self, deadline: Duration) {
        let (traces, logs) = self.flush(deadline);
        if let Err(error) = traces {
            warn!(%error, "spans were lost at shutdown");
        }
        if let Err(error) = logs {
            warn!(%error, "log records were lost at shutdown");
        }
    }

    /// At one time, so that a backend that is down costs only its own signal.
    fn flush(&self, deadline: Duration) -> (OTelSdkResult, OTelSdkResult) {
        let traces = || self.traces.shutdown_with_timeout(deadline);
        let Some(logs) = &self.logs else { return (traces(), Ok(())) };
        std::thread::scope(|threads| {
            let logs = threads.spawn(|| logs.shutdown_with_timeout(deadline));
            let panicked =
                |_| Err(OTelSdkError::InternalFailure("the exporter panicked".to_owned()));
            (traces(), logs.join().unwrap_or_else(panicked))
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // After the other shutdown this one does nothing and says so.
        let _ = self.flush(DROP_DEADLINE);
    }
}
