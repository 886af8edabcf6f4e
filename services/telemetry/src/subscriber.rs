//! What becomes of spans and events.

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::Tracer;
use opentelemetry_semantic_conventions::SCHEMA_URL;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{
    EnvFilter, FilterExt, FilterFn, LevelFilter, ParseError, Targets, dynamic_filter_fn, filter_fn,
};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::export;
use crate::log::{LogLine, LogRecords};

/// The libraries below the exporter and the layers. Their own events tell a service's reader
/// nothing, and those of the exporter would follow from each export.
const TRANSPORT: [&str; 6] = ["h2", "hyper", "hyper_util", "reqwest", "tonic", "tower"];

/// Whether a target is of a library below the exporter. A name that begins like that of one is
/// another's, which the filters' own directives do not see.
fn is_transport(target: &str) -> bool {
    TRANSPORT.contains(&library(target))
}

/// Whether an event of this target is of a library below the exporter, or of the exporter itself.
pub(crate) fn is_of_export(target: &str) -> bool {
    is_transport(target) || library(target).starts_with("opentelemetry")
}

fn library(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

/// Directives of `RUST_LOG` above the defaults that they may replace one by one.
pub(crate) fn log_filter<S>(
    directives: &str,
) -> Result<impl Filter<S> + Send + Sync + use<S>, ParseError>
where
    S: Subscriber + for<'a> LookupSpan<'a> + 'static,
{
    let parse = |defaults: &str| EnvFilter::builder().parse(format!("{defaults},{directives}"));
    let of = |transport: bool| {
        // Its level is that of the filter beside it.
        filter_fn(move |metadata| is_transport(metadata.target()) == transport)
            .with_max_level_hint(LevelFilter::TRACE)
    };
    let transport = TRANSPORT.map(|target| format!("{target}=warn")).join(",");
    let transport = parse(&format!("info,{transport}"))?;
    // Each sees every span first: a directive may be of those within it.
    Ok(parse("info")?.and(of(false)).or(transport.and(of(true))))
}

/// These directives after the one that lets this crate tell of what is lost from `level` on, if one
/// is asked for.
pub(crate) fn with_diagnostics(level: Option<LevelFilter>, directives: &str) -> String {
    level.map_or_else(
        || directives.to_owned(),
        |level| format!("{}={level},{directives}", export::TARGET),
    )
}

/// This filter above one that lets this crate tell of what is lost from `level` on, if one is asked
/// for.
pub(crate) fn with_diagnostics_of(level: Option<LevelFilter>, filter: Targets) -> Targets {
    let Some(level) = level else { return filter };
    Targets::new()
        .with_default(filter.default_level().unwrap_or(LevelFilter::OFF))
        .with_target(export::TARGET, level)
        .with_targets(filter)
}

/// All spans but the transport's. No log filter is theirs: `RUST_LOG=error` keeps traces whole.
pub(crate) fn spans() -> FilterFn {
    const LEVEL: LevelFilter = LevelFilter::INFO;
    let wanted: fn(&Metadata<'_>) -> bool =
        |metadata| *metadata.level() <= LEVEL && !is_transport(metadata.target());
    FilterFn::new(wanted).with_max_level_hint(LEVEL)
}

/// Modules that say themselves whether a call is a span, and make no other but below one.
const CONTINUING: [&str; 2] = [
    concat!(env!("CARGO_CRATE_NAME"), "::grpc::server"),
    concat!(env!("CARGO_CRATE_NAME"), "::span"),
];

/// Of these, the calls of a gRPC server, and what is below them.
pub(crate) fn spans_below<S>() -> impl Filter<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + 'static,
{
    let below = |metadata: &Metadata<'_>, context: &Context<'_, S>| {
        CONTINUING.contains(&metadata.target()) || context.lookup_current().is_some()
    };
    spans().and(dynamic_filter_fn(below).with_max_level_hint(LevelFilter::INFO))
}

/// What is logged, without spans: where nothing else wants them, they cost nothing.
pub(crate) fn events<S: 'static>(filter: Targets) -> impl Filter<S> + Send + Sync {
    filter.and(filter_fn(|metadata| metadata.is_event()))
}

/// Makes spans of the OpenTelemetry kind, of those that the filter lets through.
pub(crate) fn traces<S, T, F>(tracer: T, spans: F) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    T: Tracer<Span: Send + Sync> + Send + Sync + 'static,
    F: Filter<S> + Send + Sync + 'static,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(spans)
}

/// Writes events as lines and, where records are made of them, makes these of the same events.
pub(crate) fn logs<S, F, W>(
    filter: F,
    line: LogLine,
    writer: W,
    records: Option<impl Into<LogRecords>>,
) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    F: Filter<S> + Send + Sync + 'static,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let records: Option<LogRecords> = records.map(Into::into);
    tracing_subscriber::fmt::layer()
        .event_format(line)
        .with_ansi(false)
        .with_writer(writer)
        .and_then(records)
        .with_filter(filter)
}

#[cfg(test)]
mod tests {
    use tracing::info_span;
    use tracing::subscriber::with_default;
    use tracing_subscriber::Registry;

    use super::*;

    #[test]
    fn where_events_alone_are_wanted_a_span_is_never_asked_about_again() {
        let wanted = events::<Registry>(Targets::new().with_default(LevelFilter::INFO));
        // Where nobody subscribes, a span has no metadata.
        let span = with_default(Registry::default(), || info_span!("work"));
        assert!(wanted.callsite_enabled(span.metadata().unwrap()).is_never());
    }
}
