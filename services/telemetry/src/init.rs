//! What is one per process: providers, propagators, subscriber, panic hook.

use std::thread;

use opentelemetry::global;
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Subscriber, dispatcher};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

use crate::environment::{self, Settings};
use crate::guard::Guard;
use crate::log::{LogFormat, LogLine};
use crate::subscriber::{self, log_filter, scope};
use crate::{InitError, panics};

/// Sets up traces, metrics and logs of the process, once.
///
/// `service_name` is what `service.name` of the resource becomes, also where a variable says
/// otherwise; [`service_name`](crate::service_name) reads those. The rest is configured by the
/// [`OTEL_*` variables](crate::variables) and, for the logs alone, by `RUST_LOG` (default `info`): it
/// hides no span.
///
/// A log line is an exported record, too, but for those of the libraries below the exporter and of
/// the exporter's failures. A panic is one, and an `exception` event of its span; what the process
/// had for a panic hook goes on behind ours. Metrics are what is made of
/// [`opentelemetry::global::meter`], from now on.
///
/// A backend that is down or slow never holds up a span's end or a log line: the queue overflows
/// instead. What is lost is counted, told at most once a minute, and a metric.
///
/// # Errors
/// A variable with a value that cannot be followed, and a second call.
pub fn init(service_name: &str, log_format: LogFormat) -> Result<Guard, InitError> {
    check_is_first()?;
    let settings = Settings::from_environment(&environment::process)?;
    let directives = environment::process("RUST_LOG").unwrap_or_default();
    let filter = log_filter(&subscriber::with_diagnostics(settings.diagnostics, &directives))
        .map_err(|error| InitError::LogFilter { directives, error })?;
    let mut guard = Guard::new(&settings, service_name)?;
    // Without a provider the global tracer makes no span and passes the caller's context on.
    if settings.spans {
        global::set_tracer_provider(guard.traces.clone());
    }
    if let Some(metrics) = &guard.metrics {
        global::set_meter_provider(metrics.clone());
    }

    let traces = subscriber::traces(global::tracer_with_scope(scope()), subscriber::spans());
    let line = LogLine::new(log_format, service_name);
    let logs = subscriber::logs(filter, line, std::io::stdout, guard.log_records(&settings));
    install(tracing_subscriber::registry().with(traces).with(logs))?;
    guard.subscriber_is_installed();
    global::set_text_map_propagator(settings.propagators.build());
    Ok(guard)
}

/// Sets up the logs of a process that makes no spans, once. `filter` tells which events are logged.
///
/// They are exported only where `OTEL_LOGS_EXPORTER` says so; all else is as [`init`] has it, without
/// what concerns spans, metrics and `RUST_LOG`.
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
    let filter = subscriber::events(subscriber::with_diagnostics_of(settings.diagnostics, filter));
    let logs = subscriber::logs(filter, line, std::io::stdout, guard.log_records(&settings));
    install(tracing_subscriber::registry().with(logs))?;
    Ok(guard)
}

/// Sets up logs and spans of a process that begins no trace, once: its calls are spans if they come
/// with a sampled trace ([`grpc::ServerLayer::continuing`](crate::grpc::ServerLayer::continuing)),
/// and so is what begins within these, on any thread that has entered one. Any other span is none,
/// also one that is told its parent where no span is entered.
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
    let mut guard = Guard::new(&settings, service_name)?;
    if settings.spans {
        global::set_tracer_provider(guard.traces.clone());
    }
    let traces = subscriber::traces(global::tracer_with_scope(scope()), subscriber::spans_below());
    let line = LogLine::new(log_format, service_name);
    let filter = subscriber::events(subscriber::with_diagnostics_of(settings.diagnostics, filter));
    let logs = subscriber::logs(filter, line, std::io::stdout, guard.log_records(&settings));
    install(tracing_subscriber::registry().with(traces).with(logs))?;
    guard.subscriber_is_installed();
    global::set_text_map_propagator(settings.propagators.build());
    Ok(guard)
}

/// Before an exporter is made: it would be one too many. A new thread has no subscriber but the
/// process's, while this one may have one of its own.
fn check_is_first() -> Result<(), InitError> {
    let is_first = || dispatcher::get_default(Dispatch::is::<NoSubscriber>);
    match thread::spawn(is_first).join() {
        Ok(true) => Ok(()),
        _ => Err(InitError::AlreadyInitialized),
    }
}

fn install(subscriber: impl Subscriber + Send + Sync) -> Result<(), InitError> {
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| InitError::AlreadyInitialized)?;
    panics::tell();
    Ok(())
}
