//! What is one per process: tracer provider, propagators, subscriber.

use std::time::Duration;

use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::Tracer;
use opentelemetry::{InstrumentationScope, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_semantic_conventions::SCHEMA_URL;
use tracing::{Subscriber, warn};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::InitError;
use crate::environment::{self, Traces};
use crate::export::{self, ExportRuntime};
use crate::log::{LogFormat, LogLine};

/// How long a dropped [`Guard`] may take.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// The libraries below the exporter and the layers. Their own events tell a service's reader
/// nothing, and those of the exporter would follow from each export.
const TRANSPORT: [&str; 6] = ["h2", "hyper", "hyper_util", "reqwest", "tonic", "tower"];

/// Sets up traces and logs of the process, once.
///
/// `service_name` is what `service.name` of the resource becomes, also where a variable says
/// otherwise; [`service_name`](crate::service_name) reads those. The rest is configured by
/// `OTEL_EXPORTER_OTLP_*` (the protocol is `grpc` unless it says `http/protobuf`),
/// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_EXPORTER` (`otlp` or `none`),
/// `OTEL_PROPAGATORS` (`tracecontext,baggage` and nothing else), `OTEL_SDK_DISABLED` and
/// `OTEL_BSP_*` (a batch leaves after 1 s, 8,192 spans may wait), and `RUST_LOG` (default `info`) for
/// the logs alone: it hides no span.
///
/// A backend that is down or slow never holds up a span's end: the queue overflows instead.
///
/// # Errors
/// A variable with a value that cannot be followed, and a second call.
pub fn init(service_name: &str, log_format: LogFormat) -> Result<Guard, InitError> {
    if tracing::dispatcher::has_been_set() {
        return Err(InitError::AlreadyInitialized);
    }
    let traces = Traces::from_environment(&environment::process)?;
    let directives = environment::process("RUST_LOG").unwrap_or_default();
    let filter =
        log_filter(&directives).map_err(|error| InitError::LogFilter { directives, error })?;
    let exporter = export::processor(&traces, &environment::process)?;

    let resource = Resource::builder().with_service_name(service_name.to_owned()).build();
    let mut provider = SdkTracerProvider::builder().with_resource(resource);
    let mut runtime = None;
    if let Some((processor, its_runtime)) = exporter {
        provider = provider.with_span_processor(processor);
        runtime = Some(its_runtime);
    }
    let guard = Guard { provider: provider.build(), _runtime: runtime };
    // Without a provider the global tracer makes no span and passes the caller's context on.
    if traces != Traces::Disabled {
        global::set_tracer_provider(guard.provider.clone());
    }

    let tracer = global::tracer_with_scope(scope());
    let line = LogLine::new(log_format, service_name);
    tracing::subscriber::set_global_default(subscriber(tracer, filter, line, std::io::stdout))
        .map_err(|_| InitError::AlreadyInitialized)?;
    global::set_text_map_propagator(propagator());
    Ok(guard)
}

/// Keeps telemetry going. Dropped, it flushes for at most 5 s.
#[derive(Debug)]
#[must_use = "telemetry ends when this is dropped"]
pub struct Guard {
    provider: SdkTracerProvider,
    _runtime: Option<ExportRuntime>,
}

impl Guard {
    /// Exports the spans that wait, then stops. Blocks the thread, at most until the deadline.
    pub fn shutdown(self, deadline: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(deadline) {
            warn!(%error, "spans were lost at shutdown");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // After the other shutdown this one does nothing and says so.
        let _ = self.provider.shutdown_with_timeout(DROP_DEADLINE);
    }
}

pub(crate) fn propagator() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

/// Directives of `RUST_LOG` above the defaults that they may replace one by one.
pub(crate) fn log_filter(directives: &str) -> Result<EnvFilter, ParseError> {
    let defaults = TRANSPORT.map(|target| format!("{target}=warn")).join(",");
    EnvFilter::builder().parse(format!("info,{defaults},{directives}"))
}

/// Spans and logs are filtered apart, so that `RUST_LOG=error` keeps traces whole.
pub(crate) fn subscriber<T, W>(
    tracer: T,
    log_filter: EnvFilter,
    line: LogLine,
    writer: W,
) -> impl Subscriber + Send + Sync
where
    T: Tracer<Span: Send + Sync> + Send + Sync + 'static,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let spans = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(TRANSPORT.map(|target| (target, LevelFilter::OFF)));
    let traces = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(spans);
    let logs = tracing_subscriber::fmt::layer()
        .event_format(line)
        .with_ansi(false)
        .with_writer(writer)
        .with_filter(log_filter);
    tracing_subscriber::registry().with(traces).with(logs)
}
