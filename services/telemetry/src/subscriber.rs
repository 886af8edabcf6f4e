//! What becomes of spans and events.

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::Tracer;
use opentelemetry_sdk::logs::SdkLogger;
use opentelemetry_semantic_conventions::SCHEMA_URL;
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::log::{LogLine, LogRecords};

/// The libraries below the exporter and the layers. Their own events tell a service's reader
/// nothing, and those of the exporter would follow from each export.
const TRANSPORT: [&str; 6] = ["h2", "hyper", "hyper_util", "reqwest", "tonic", "tower"];

/// Whether an event of this target is of a library below the exporter, or of the exporter itself.
pub(crate) fn is_transport(target: &str) -> bool {
    let library = target.split("::").next().unwrap_or_default();
    TRANSPORT.contains(&library) || library.starts_with("opentelemetry")
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

/// Makes spans of the OpenTelemetry kind. No log filter is theirs: `RUST_LOG=error` keeps traces
/// whole.
pub(crate) fn traces<S, T>(tracer: T) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    T: Tracer<Span: Send + Sync> + Send + Sync + 'static,
{
    let spans = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(TRANSPORT.map(|target| (target, LevelFilter::OFF)));
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(spans)
}

/// Writes events as lines and, where there is a logger, hands the same events to it.
pub(crate) fn logs<S, F, W>(
    filter: F,
    line: LogLine,
    writer: W,
    logger: Option<SdkLogger>,
) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    F: Filter<S> + Send + Sync + 'static,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .event_format(line)
        .with_ansi(false)
        .with_writer(writer)
        .and_then(logger.map(LogRecords))
        .with_filter(filter)
}
