//! The standard variables that the SDK leaves to the application, or reads without complaint about
//! a value it does not know.

use std::collections::BTreeSet;

use opentelemetry::Key;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::SdkProvidedResourceDetector;
use opentelemetry_semantic_conventions::attribute::SERVICE_NAME;

use crate::InitError;

/// The service's name: `OTEL_SERVICE_NAME`, else `service.name` of `OTEL_RESOURCE_ATTRIBUTES`, else
/// `default`.
pub fn service_name(default: &str) -> String {
    // The SDK's whole set of detectors lets the second variable win over the first.
    let detector = Box::new(SdkProvidedResourceDetector);
    let detected = Resource::builder_empty().with_detector(detector).build();
    detected
        .get(&Key::new(SERVICE_NAME))
        .map(|name| name.to_string())
        .filter(|name| !name.starts_with("unknown_service"))
        .unwrap_or_else(|| default.to_owned())
}

/// What the variables ask for.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    /// Whether there are spans, be it only so that logs have their ids: not with
    /// `OTEL_SDK_DISABLED=true`, which also exports nothing.
    pub spans: bool,
    /// How spans leave the process, if they do.
    pub traces: Option<Protocol>,
    /// How log records leave the process, if they do.
    pub logs: Option<Protocol>,
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    /// Over gRPC.
    Grpc,
    /// Over HTTP, in protobuf.
    Http,
}

/// Looks a variable up; a test has its own.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment. An empty variable counts as unset, as the specification says.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Settings {
    /// Reads and checks the variables. Both signals are exported unless they say otherwise.
    pub(crate) fn from_environment(lookup: Lookup<'_>) -> Result<Self, InitError> {
        Self::with_spans(lookup, "otlp")
    }

    /// The same for a program that begins no trace, whose logs are exported on request alone.
    pub(crate) fn of_callee(lookup: Lookup<'_>) -> Result<Self, InitError> {
        Self::with_spans(lookup, "none")
    }

    fn with_spans(lookup: Lookup<'_>, log_exporter: &str) -> Result<Self, InitError> {
        check_propagators(lookup)?;
        if is_disabled(lookup) {
            return Ok(Self { spans: false, traces: None, logs: None });
        }
        check_sampler(lookup)?;
        let traces = TRACES.protocol(lookup, "otlp")?;
        Ok(Self { spans: true, traces, logs: LOGS.protocol(lookup, log_exporter)? })
    }

    /// The same for a program without spans, whose logs are exported on request alone.
    pub(crate) fn of_logs(lookup: Lookup<'_>) -> Result<Self, InitError> {
        let logs = if is_disabled(lookup) { None } else { LOGS.protocol(lookup, "none")? };
        Ok(Self { spans: false, traces: None, logs })
    }
}

/// The names of one signal's variables.
struct Signal {
    exporter: &'static str,
    protocol: &'static str,
    /// Those of its batch processor, each a number.
    batch: [&'static str; 4],
}

const TRACES: Signal = Signal {
    exporter: "OTEL_TRACES_EXPORTER",
    protocol: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    batch: [
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_BSP_EXPORT_TIMEOUT",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    ],
};

const LOGS: Signal = Signal {
    exporter: "OTEL_LOGS_EXPORTER",
    protocol: "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
    batch: [
        "OTEL_BLRP_SCHEDULE_DELAY",
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    ],
};

impl Signal {
    /// How the signal is exported, if it is. gRPC is the default protocol.
    fn protocol(
        &self,
        lookup: Lookup<'_>,
        default_exporter: &str,
    ) -> Result<Option<Protocol>, InitError> {
        match lookup(self.exporter).as_deref().unwrap_or(default_exporter) {
            "otlp" => {}
            "none" => return Ok(None),
            value => return Err(unexpected(self.exporter, value, "otlp or none")),
        }
        for name in self.batch {
            if let Some(value) = lookup(name).filter(|value| value.parse::<u64>().is_err()) {
                return Err(unexpected(name, &value, "a whole number"));
            }
        }
        for name in [self.protocol, "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            match lookup(name).as_deref() {
                None => {}
                Some("grpc") => return Ok(Some(Protocol::Grpc)),
                Some("http/protobuf") => return Ok(Some(Protocol::Http)),
                Some(value) => return Err(unexpected(name, value, "grpc or http/protobuf")),
            }
        }
        Ok(Some(Protocol::Grpc))
    }
}

fn is_disabled(lookup: Lookup<'_>) -> bool {
    lookup("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// There is no choice yet: the one set there is may be named, and nothing else.
fn check_propagators(lookup: Lookup<'_>) -> Result<(), InitError> {
    const PROPAGATORS: &str = "OTEL_PROPAGATORS";
    let Some(value) = lookup(PROPAGATORS) else { return Ok(()) };
    let names: BTreeSet<&str> = value.split(',').map(str::trim).collect();
    if names == BTreeSet::from(["baggage", "tracecontext"]) {
        return Ok(());
    }
    Err(unexpected(PROPAGATORS, &value, "tracecontext,baggage"))
}

/// The SDK reads these two itself, but takes its default for a value that it does not know.
fn check_sampler(lookup: Lookup<'_>) -> Result<(), InitError> {
    const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    match lookup(SAMPLER).as_deref() {
        None
        | Some("always_on" | "always_off" | "parentbased_always_on" | "parentbased_always_off") => {
            Ok(())
        }
        Some("traceidratio" | "parentbased_traceidratio") => match lookup(ARGUMENT) {
            Some(value) if !is_ratio(&value) => {
                Err(unexpected(ARGUMENT, &value, "a number from 0 to 1"))
            }
            _ => Ok(()),
        },
        Some(value) => Err(unexpected(
            SAMPLER,
            value,
            "always_on, always_off or traceidratio, alone or after parentbased_",
        )),
    }
}

fn is_ratio(value: &str) -> bool {
    value.parse().is_ok_and(|ratio: f64| (0.0..=1.0).contains(&ratio))
}

fn unexpected(name: &'static str, value: &str, expected: &'static str) -> InitError {
    InitError::Variable { name, value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn both_signals_go_by_otlp_over_grpc_unless_told_otherwise() {
        use Protocol::{Grpc, Http};
        let general = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc");
        let of_logs = ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc");
        for (variables, traces, logs) in [
            (&[][..], Some(Grpc), Some(Grpc)),
            (&[general], Some(Http), Some(Http)),
            (&[general, of_traces], Some(Grpc), Some(Http)),
            (&[general, of_logs], Some(Http), Some(Grpc)),
            (&[("OTEL_TRACES_EXPORTER", "none")], None, Some(Grpc)),
            (&[("OTEL_LOGS_EXPORTER", "none")], Some(Grpc), None),
            (&[("OTEL_SDK_DISABLED", "yes")], Some(Grpc), Some(Grpc)),
            (&[("OTEL_PROPAGATORS", "tracecontext,baggage")], Some(Grpc), Some(Grpc)),
            (&[("OTEL_PROPAGATORS", "baggage, tracecontext")], Some(Grpc), Some(Grpc)),
        ] {
            assert_eq!(read(variables), Ok(Settings { spans: true, traces, logs }));
        }
        let nothing = Settings { spans: false, traces: None, logs: None };
        assert_eq!(read(&[("OTEL_SDK_DISABLED", "TRUE")]), Ok(nothing));
    }

    #[test]
    fn the_logs_of_a_program_without_spans_are_exported_on_request_alone() {
        let on_request = ("OTEL_LOGS_EXPORTER", "otlp");
        for (variables, logs) in [
            (&[][..], None),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], None),
            (&[on_request], Some(Protocol::Grpc)),
            (&[on_request, ("OTEL_SDK_DISABLED", "true")], None),
        ] {
            let settings = Settings { spans: false, traces: None, logs };
            assert_eq!(read_as(Settings::of_logs, variables), Ok(settings));
        }
    }

    #[test]
    fn of_a_program_that_begins_no_trace_spans_are_exported_and_logs_on_request() {
        let on_request = ("OTEL_LOGS_EXPORTER", "otlp");
        for (variables, logs) in [(&[][..], None), (&[on_request], Some(Protocol::Grpc))] {
            let settings = Settings { spans: true, traces: Some(Protocol::Grpc), logs };
            assert_eq!(read_as(Settings::of_callee, variables), Ok(settings));
        }
    }

    #[test]
    fn a_value_that_would_be_ignored_is_an_error_that_names_it() {
        for (name, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_LOGS_EXPORTER", "console"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "thrift"),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1s"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "-1"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_PROPAGATORS", "b3"),
            ("OTEL_PROPAGATORS", "tracecontext"),
            ("OTEL_PROPAGATORS", "tracecontext,baggage,b3"),
            ("OTEL_PROPAGATORS", "none"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
        for ratio in ["half", "1.5", "-1", "NaN"] {
            let sampler = ("OTEL_TRACES_SAMPLER", "traceidratio");
            let error = read(&[sampler, ("OTEL_TRACES_SAMPLER_ARG", ratio)]).unwrap_err();
            assert!(error.contains("OTEL_TRACES_SAMPLER_ARG"), "{error}");
        }
    }
}
