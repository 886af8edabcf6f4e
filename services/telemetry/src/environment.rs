//! The standard variables that the SDK leaves to the application, or reads without complaint about
//! a value it does not know.

use opentelemetry::Key;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::SdkProvidedResourceDetector;
use opentelemetry_semantic_conventions::attribute::SERVICE_NAME;

use crate::InitError;
use crate::capture;
use crate::propagation::Propagators;
use crate::sampling::Sampling;

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
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// Whether there are spans, be it only so that logs have their ids: not with
    /// `OTEL_SDK_DISABLED=true`, which also exports nothing.
    pub spans: bool,
    /// Which spans there are.
    pub sampling: Sampling,
    /// How the context crosses to other processes.
    pub propagators: Propagators,
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
        let propagators = Propagators::from_environment(lookup)?;
        capture::check(lookup)?;
        if is_disabled(lookup) {
            return Ok(Self { propagators, ..Self::default() });
        }
        Ok(Self {
            spans: true,
            sampling: Sampling::from_environment(lookup)?,
            propagators,
            traces: TRACES.protocol(lookup, "otlp")?,
            logs: LOGS.protocol(lookup, log_exporter)?,
        })
    }

    /// The same for a program without spans, whose logs are exported on request alone.
    pub(crate) fn of_logs(lookup: Lookup<'_>) -> Result<Self, InitError> {
        let logs = if is_disabled(lookup) { None } else { LOGS.protocol(lookup, "none")? };
        Ok(Self { logs, ..Self::default() })
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

pub(crate) fn unexpected(name: &'static str, value: &str, expected: &'static str) -> InitError {
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
        ] {
            let settings = Settings { spans: true, traces, logs, ..Settings::default() };
            assert_eq!(read(variables), Ok(settings));
        }
        assert_eq!(read(&[("OTEL_SDK_DISABLED", "TRUE")]), Ok(Settings::default()));
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
            let settings = Settings { logs, ..Settings::default() };
            assert_eq!(read_as(Settings::of_logs, variables), Ok(settings));
        }
    }

    #[test]
    fn of_a_program_that_begins_no_trace_spans_are_exported_and_logs_on_request() {
        let on_request = ("OTEL_LOGS_EXPORTER", "otlp");
        for (variables, logs) in [(&[][..], None), (&[on_request], Some(Protocol::Grpc))] {
            let traces = Some(Protocol::Grpc);
            let settings = Settings { spans: true, traces, logs, ..Settings::default() };
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
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_PROPAGATORS", "b3"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
