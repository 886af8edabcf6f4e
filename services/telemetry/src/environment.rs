//! The standard variables: those that the SDK leaves to the application, and a check of those that
//! it reads without complaint about a value it does not know. [`crate::variables`] has them all.

mod limits;
mod otlp;
mod resource;
mod signal;

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::Aggregation;
use tracing_subscriber::filter::LevelFilter;

use crate::InitError;
use crate::capture;
use crate::propagation::Propagators;
use crate::sampling::Sampling;
pub(crate) use limits::{AttributeLimits, Limits};
pub(crate) use otlp::{Otlp, Protocol};
pub use resource::{service_name, service_version};
pub(crate) use signal::Export;
use signal::{LOGS, METRICS, TRACES};

/// What the variables ask for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// Whether there are spans, be it only so that logs have their ids: not with
    /// `OTEL_SDK_DISABLED=true`, which also exports nothing.
    pub spans: bool,
    /// Which spans there are.
    pub sampling: Sampling,
    /// How the context crosses to other processes.
    pub propagators: Propagators,
    /// Where spans go.
    pub traces: Export,
    /// Where log records go.
    pub logs: Export,
    /// Where metrics go.
    pub metrics: Export,
    /// How histograms are made, if not as each asks for itself.
    pub histograms: Option<Aggregation>,
    /// How much a span and a log record may hold.
    pub limits: Limits,
    /// What `OTEL_RESOURCE_ATTRIBUTES` says of this process.
    pub resource: Vec<KeyValue>,
    /// From which level on telemetry tells of its own work, if a variable says so.
    pub diagnostics: Option<LevelFilter>,
}

/// Looks a variable up; a test has its own.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment. An empty variable counts as unset, as the specification says.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Settings {
    /// Reads and checks the variables. Every signal is exported unless it says otherwise.
    pub(crate) fn from_environment(lookup: Lookup<'_>) -> Result<Self, InitError> {
        let mut settings = Self::with_spans(lookup, "otlp")?;
        if settings.spans {
            settings.metrics = METRICS.export(lookup, "otlp")?;
            settings.histograms = otlp::histograms(lookup)?;
        }
        Ok(settings)
    }

    /// The same for a program that begins no trace: it has no metrics, and its logs are exported on
    /// request alone.
    pub(crate) fn of_callee(lookup: Lookup<'_>) -> Result<Self, InitError> {
        Self::with_spans(lookup, "none")
    }

    fn with_spans(lookup: Lookup<'_>, log_exporter: &str) -> Result<Self, InitError> {
        let propagators = Propagators::from_environment(lookup)?;
        capture::check(lookup)?;
        if is_disabled(lookup) {
            return Ok(Self { propagators, ..Self::default() });
        }
        Ok(Self {
            spans: true,
            sampling: Sampling::from_environment(lookup)?,
            propagators,
            traces: TRACES.export(lookup, "otlp")?,
            ..Self::with_logs(lookup, log_exporter)?
        })
    }

    /// The same for a program without spans.
    pub(crate) fn of_logs(lookup: Lookup<'_>) -> Result<Self, InitError> {
        if is_disabled(lookup) { Ok(Self::default()) } else { Self::with_logs(lookup, "none") }
    }

    fn with_logs(lookup: Lookup<'_>, log_exporter: &str) -> Result<Self, InitError> {
        refuse(lookup, "OTEL_CONFIG_FILE", "no file: the variables are read")?;
        Ok(Self {
            logs: LOGS.export(lookup, log_exporter)?,
            limits: Limits::from_environment(lookup)?,
            resource: resource::attributes(lookup)?,
            diagnostics: diagnostics(lookup)?,
            ..Self::default()
        })
    }
}

fn is_disabled(lookup: Lookup<'_>) -> bool {
    lookup("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Unset, what telemetry tells of itself is filtered as any other event.
fn diagnostics(lookup: Lookup<'_>) -> Result<Option<LevelFilter>, InitError> {
    const EXPECTED: &str = "off, error, warn, info, debug or trace";
    read(lookup, "OTEL_LOG_LEVEL", EXPECTED, |value| match value.to_ascii_lowercase().as_str() {
        "off" | "none" => Some(LevelFilter::OFF),
        "error" => Some(LevelFilter::ERROR),
        "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        "trace" => Some(LevelFilter::TRACE),
        _ => None,
    })
}

/// A variable's value as `read` takes it, if it has one. White space around it is part of it, as it
/// is for the SDK.
fn read<T>(
    lookup: Lookup<'_>,
    name: &'static str,
    expected: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, InitError> {
    let Some(value) = lookup(name) else { return Ok(None) };
    read(&value).map(Some).ok_or_else(|| unexpected(name, &value, expected))
}

/// A number of milliseconds or of items, of which none would mean nothing.
fn positive(lookup: Lookup<'_>, name: &'static str) -> Result<Option<u64>, InitError> {
    read(lookup, name, "a whole number above 0", |value| value.parse().ok().filter(|it| *it > 0))
}

/// What cannot be done must not look as if it were.
fn refuse(lookup: Lookup<'_>, name: &'static str, expected: &'static str) -> Result<(), InitError> {
    lookup(name).map_or(Ok(()), |value| Err(unexpected(name, &value, expected)))
}

pub(crate) fn unexpected(name: &'static str, value: &str, expected: &'static str) -> InitError {
    InitError::Variable { name, value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type Read = fn(Lookup<'_>) -> Result<Settings, InitError>;

    fn read_as(read: Read, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        read(&lookup).map_err(|error| error.to_string())
    }

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        read_as(Settings::from_environment, variables)
    }

    fn otlp(protocol: Protocol) -> Export {
        let timeout = Duration::from_secs(10);
        Export { otlp: Some(Otlp { protocol, timeout }), console: false }
    }

    const NONE: Export = Export { otlp: None, console: false };
    const CONSOLE: Export = Export { otlp: None, console: true };

    #[test]
    fn every_signal_goes_by_otlp_over_grpc_unless_told_otherwise() {
        let [grpc, http] = [Protocol::Grpc, Protocol::Http].map(otlp);
        let both = Export { console: true, ..grpc };
        let general = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        for (variables, [traces, metrics, logs]) in [
            (&[][..], [grpc, grpc, grpc]),
            (&[general], [http, http, http]),
            (&[general, ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")], [grpc, http, http]),
            (&[general, ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")], [http, grpc, http]),
            (&[general, ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc")], [http, http, grpc]),
            (&[("OTEL_TRACES_EXPORTER", "none")], [NONE, grpc, grpc]),
            (&[("OTEL_METRICS_EXPORTER", "none")], [grpc, NONE, grpc]),
            (&[("OTEL_LOGS_EXPORTER", "none")], [grpc, grpc, NONE]),
            (&[("OTEL_TRACES_EXPORTER", "console")], [CONSOLE, grpc, grpc]),
            (&[("OTEL_METRICS_EXPORTER", " console , otlp")], [grpc, both, grpc]),
            (&[("OTEL_LOGS_EXPORTER", "otlp,console")], [grpc, grpc, both]),
            (&[("OTEL_SDK_DISABLED", "yes")], [grpc, grpc, grpc]),
        ] {
            let settings = Settings { spans: true, traces, metrics, logs, ..Settings::default() };
            assert_eq!(read(variables), Ok(settings), "{variables:?}");
        }
        assert_eq!(read(&[("OTEL_SDK_DISABLED", "TRUE")]), Ok(Settings::default()));
    }

    #[test]
    fn the_logs_of_a_program_without_spans_are_exported_on_request_alone() {
        let on_request = ("OTEL_LOGS_EXPORTER", "otlp");
        for (variables, logs) in [
            (&[][..], NONE),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], NONE),
            (&[("OTEL_METRICS_EXPORTER", "otlp")], NONE),
            (&[on_request], otlp(Protocol::Grpc)),
            (&[on_request, ("OTEL_SDK_DISABLED", "true")], NONE),
        ] {
            let settings = Settings { logs, ..Settings::default() };
            assert_eq!(read_as(Settings::of_logs, variables), Ok(settings));
        }
    }

    #[test]
    fn of_a_program_that_begins_no_trace_spans_are_exported_and_logs_on_request() {
        let on_request = ("OTEL_LOGS_EXPORTER", "otlp");
        let traces = otlp(Protocol::Grpc);
        for (variables, logs) in
            [(&[][..], NONE), (&[("OTEL_METRICS_EXPORTER", "otlp")], NONE), (&[on_request], traces)]
        {
            let settings = Settings { spans: true, traces, logs, ..Settings::default() };
            assert_eq!(read_as(Settings::of_callee, variables), Ok(settings));
        }
    }

    #[test]
    fn telemetry_tells_of_its_own_work_from_the_level_that_is_asked_for() {
        for (value, expected) in [
            ("off", LevelFilter::OFF),
            ("NONE", LevelFilter::OFF),
            ("info", LevelFilter::INFO),
            ("Debug", LevelFilter::DEBUG),
        ] {
            let settings = read(&[("OTEL_LOG_LEVEL", value)]).unwrap();
            assert_eq!(settings.diagnostics, Some(expected));
        }
        assert_eq!(read(&[]).unwrap().diagnostics, None);
    }

    #[test]
    fn a_value_that_would_be_ignored_is_an_error_that_names_it() {
        for (name, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_TRACES_EXPORTER", "otlp,none"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_LOGS_EXPORTER", "console,"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "thrift"),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "brotli"),
            ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip "),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", " true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "HTTPS://collector/v1/traces"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://collector/v1/metrics"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://collector/v1/logs"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/etc/key.pem"),
            ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", "/etc/cert.pem"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sum"),
            ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "summary"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1m"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000 "),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1s"),
            ("OTEL_BSP_SCHEDULE_DELAY", " 100"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "never"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "18446744073709551615"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "-1"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "1000001"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "0"),
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1"),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "many"),
            ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1k"),
            ("OTEL_RESOURCE_ATTRIBUTES", "no value"),
            ("OTEL_LOG_LEVEL", "loud"),
            ("OTEL_CONFIG_FILE", "otel.yaml"),
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_PROPAGATORS", "b3"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn over_http_an_endpoint_that_counts_begins_with_its_scheme() {
        let http = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        let of_all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318");
        let of_logs = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "unix:///run/collector");
        for endpoint in [of_all, of_logs] {
            let error = read(&[http, endpoint]).unwrap_err();
            assert!(error.contains(endpoint.0) && error.contains(endpoint.1), "{error}");
            read(&[endpoint]).unwrap();
        }
        let of_each = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "HTTP://127.0.0.1:4318/v1/metrics"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:4318/v1/logs"),
        ];
        read(&[&[http, of_all], &of_each[..]].concat()).unwrap();
    }
}
