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

/// How spans leave the process.
#[derive(Debug, PartialEq)]
pub(crate) enum Traces {
    /// There are no spans: `OTEL_SDK_DISABLED=true`.
    Disabled,
    /// Spans are made, so that logs have their ids, and go nowhere: `OTEL_TRACES_EXPORTER=none`.
    Kept,
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, in protobuf.
    Http,
}

/// Looks a variable up; a test has its own.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own environment. An empty variable counts as unset, as the specification says.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Traces {
    /// Reads and checks the variables. gRPC is the default protocol.
    pub(crate) fn from_environment(lookup: Lookup<'_>) -> Result<Self, InitError> {
        check_propagators(lookup)?;
        if lookup("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self::Disabled);
        }
        check_sampler(lookup)?;
        const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
        match lookup(EXPORTER).as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(Self::Kept),
            Some(value) => return Err(unexpected(EXPORTER, value, "otlp or none")),
        }
        for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            match lookup(name).as_deref() {
                None => {}
                Some("grpc") => return Ok(Self::Grpc),
                Some("http/protobuf") => return Ok(Self::Http),
                Some(value) => return Err(unexpected(name, value, "grpc or http/protobuf")),
            }
        }
        Ok(Self::Grpc)
    }
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

    fn read(variables: &[(&str, &str)]) -> Result<Traces, String> {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Traces::from_environment(&lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn traces_go_by_otlp_over_grpc_unless_told_otherwise() {
        assert_eq!(read(&[]), Ok(Traces::Grpc));
        let general = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        assert_eq!(read(&[general]), Ok(Traces::Http));
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc");
        assert_eq!(read(&[general, of_traces]), Ok(Traces::Grpc));
        assert_eq!(read(&[("OTEL_TRACES_EXPORTER", "none")]), Ok(Traces::Kept));
        assert_eq!(read(&[("OTEL_SDK_DISABLED", "TRUE")]), Ok(Traces::Disabled));
        assert_eq!(read(&[("OTEL_SDK_DISABLED", "yes")]), Ok(Traces::Grpc));
        for value in ["tracecontext,baggage", "baggage, tracecontext"] {
            assert_eq!(read(&[("OTEL_PROPAGATORS", value)]), Ok(Traces::Grpc));
        }
    }

    #[test]
    fn a_value_that_would_be_ignored_is_an_error_that_names_it() {
        for (name, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "thrift"),
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
