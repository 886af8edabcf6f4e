//! How OTLP is spoken. The exporter reads most of these variables itself, and passes over a value
//! that it does not know.

use std::time::Duration;

use opentelemetry_sdk::metrics::{Aggregation, Temporality};

use super::{Lookup, positive, read, refuse};
use crate::InitError;

/// How one signal is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Otlp {
    pub protocol: Protocol,
    /// How long an export may take: no longer than the exporter is allowed, nor the processor or
    /// reader, which does not look at its variable.
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    /// Over gRPC.
    Grpc,
    /// Over HTTP, in protobuf.
    Http,
}

/// The names of one signal's variables, each before the one that is for all signals.
pub(super) struct Variables {
    protocol: [&'static str; 2],
    endpoint: [&'static str; 2],
    compression: [&'static str; 2],
    timeout: [&'static str; 2],
    insecure: [&'static str; 2],
    tls: [&'static str; 6],
}

macro_rules! variables {
    ($signal:literal) => {
        Variables {
            protocol: variables!($signal, "PROTOCOL"),
            endpoint: variables!($signal, "ENDPOINT"),
            compression: variables!($signal, "COMPRESSION"),
            timeout: variables!($signal, "TIMEOUT"),
            insecure: variables!($signal, "INSECURE"),
            tls: [
                concat!("OTEL_EXPORTER_OTLP_", $signal, "_CERTIFICATE"),
                concat!("OTEL_EXPORTER_OTLP_", $signal, "_CLIENT_KEY"),
                concat!("OTEL_EXPORTER_OTLP_", $signal, "_CLIENT_CERTIFICATE"),
                "OTEL_EXPORTER_OTLP_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_CLIENT_KEY",
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
            ],
        }
    };
    ($signal:literal, $variable:literal) => {
        [
            concat!("OTEL_EXPORTER_OTLP_", $signal, "_", $variable),
            concat!("OTEL_EXPORTER_OTLP_", $variable),
        ]
    };
}

pub(super) const TRACES: Variables = variables!("TRACES");
pub(super) const LOGS: Variables = variables!("LOGS");
pub(super) const METRICS: Variables = variables!("METRICS");

/// The specification's default, in milliseconds.
const TIMEOUT: u64 = 10_000;

const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const HISTOGRAMS: &str = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";

impl Variables {
    /// Reads and checks them. `export_timeout` is that of the processor or the reader.
    pub fn read(
        &self,
        lookup: Lookup<'_>,
        export_timeout: &'static str,
    ) -> Result<Otlp, InitError> {
        for name in self.tls {
            refuse(lookup, name, "no certificate: OTLP is sent without TLS")?;
        }
        for name in self.endpoint {
            read(lookup, name, "no https: OTLP is sent without TLS", |value| {
                let scheme = value.split("://").next();
                (!scheme.is_some_and(|it| it.eq_ignore_ascii_case("https"))).then_some(())
            })?;
        }
        for name in self.compression {
            read(lookup, name, "gzip or none", |value| {
                ["gzip", "none"].iter().any(|it| value.eq_ignore_ascii_case(it)).then_some(())
            })?;
        }
        for name in self.insecure {
            read(lookup, name, "true or false", |value| {
                ["true", "false"].iter().any(|it| value.eq_ignore_ascii_case(it)).then_some(())
            })?;
        }
        let protocol = first(self.protocol, |name| {
            read(lookup, name, "grpc or http/protobuf", |value| match value {
                "grpc" => Some(Protocol::Grpc),
                "http/protobuf" => Some(Protocol::Http),
                _ => None,
            })
        })?;
        let protocol = protocol.unwrap_or(Protocol::Grpc);
        if protocol == Protocol::Http
            && let Some(name) = self.endpoint.into_iter().find(|name| lookup(name).is_some())
        {
            read(lookup, name, "a URL that begins with http://", |value| {
                value.to_ascii_lowercase().starts_with("http://").then_some(())
            })?;
        }
        let timeout = first(self.timeout, |name| positive(lookup, name))?.unwrap_or(TIMEOUT);
        let timeout = positive(lookup, export_timeout)?.map_or(timeout, |most| most.min(timeout));
        Ok(Otlp { protocol, timeout: Duration::from_millis(timeout) })
    }
}

/// The first that is set; the other is checked all the same.
fn first<T>(
    names: [&'static str; 2],
    read: impl Fn(&'static str) -> Result<Option<T>, InitError>,
) -> Result<Option<T>, InitError> {
    let [of_signal, of_all] = names.map(read);
    Ok(of_signal?.or(of_all?))
}

/// What all histograms are to be, and a check of what the exporter reads of metrics alone.
pub(super) fn histograms(lookup: Lookup<'_>) -> Result<Option<Aggregation>, InitError> {
    read(lookup, TEMPORALITY, "cumulative, delta or lowmemory", |value| {
        value.parse::<Temporality>().ok()
    })?;
    let expected = "explicit_bucket_histogram or base2_exponential_bucket_histogram";
    let histograms =
        read(lookup, HISTOGRAMS, expected, |value| match value.to_ascii_lowercase().as_str() {
            "explicit_bucket_histogram" => Some(None),
            "base2_exponential_bucket_histogram" => Some(Some(EXPONENTIAL)),
            _ => None,
        })?;
    Ok(histograms.flatten())
}

/// With the specification's defaults.
const EXPONENTIAL: Aggregation =
    Aggregation::Base2ExponentialHistogram { max_size: 160, max_scale: 20, record_min_max: true };

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Otlp {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        TRACES.read(&lookup, "OTEL_BSP_EXPORT_TIMEOUT").unwrap()
    }

    #[test]
    fn an_export_takes_no_longer_than_both_the_exporter_and_the_processor_allow() {
        let of_processor = |value| ("OTEL_BSP_EXPORT_TIMEOUT", value);
        for (variables, expected) in [
            (&[][..], 10_000),
            (&[("OTEL_EXPORTER_OTLP_TIMEOUT", "90000")], 90_000),
            (&[of_processor("30000")], 10_000),
            (&[of_processor("500")], 500),
            (&[of_processor("500"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "90000")], 500),
            (&[of_processor("500"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "200")], 200),
            (
                &[
                    of_processor("500"),
                    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "300"),
                    ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"),
                ],
                300,
            ),
        ] {
            assert_eq!(read(variables).timeout, Duration::from_millis(expected));
        }
    }

    #[test]
    fn histograms_are_as_each_asks_unless_all_are_to_be_exponential() {
        for (value, expected) in [
            ("explicit_bucket_histogram", None),
            ("base2_exponential_bucket_histogram", Some(EXPONENTIAL)),
        ] {
            let lookup = |name: &str| (name == HISTOGRAMS).then(|| value.to_owned());
            assert_eq!(histograms(&lookup).unwrap(), expected);
        }
        assert_eq!(histograms(&|_| None).unwrap(), None);
    }
}
