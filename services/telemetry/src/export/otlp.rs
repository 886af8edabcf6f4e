//! What the exporters of all signals have in common: what they are told beside what they read
//! themselves.

use http::{HeaderName, HeaderValue};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig, WithHttpConfig, WithTonicConfig};
use percent_encoding::percent_decode_str;
use tonic::metadata::MetadataMap;

use crate::environment::{Lookup, Otlp};

/// An exporter over gRPC of a signal, which is as its variables have it.
pub(super) fn over_grpc<E: WithExportConfig + WithTonicConfig>(
    exporter: E,
    otlp: Otlp,
    lookup: Lookup<'_>,
    signal: &str,
) -> E {
    let exporter = exporter
        .with_timeout(otlp.timeout)
        .with_retry_policy(retry_policy())
        .with_metadata(metadata(&headers(lookup, signal)));
    let endpoint = variable(lookup, signal, "ENDPOINT").filter(|it| !it.contains("://"));
    let is_insecure = variable(lookup, signal, "INSECURE");
    let is_insecure = is_insecure.is_some_and(|it| it.eq_ignore_ascii_case("true"));
    match endpoint {
        Some(endpoint) if is_insecure => exporter.with_endpoint(format!("http://{endpoint}")),
        _ => exporter,
    }
}

/// The same over HTTP.
pub(super) fn over_http<E: WithExportConfig + WithHttpConfig>(
    exporter: E,
    otlp: Otlp,
    lookup: Lookup<'_>,
    signal: &str,
) -> E {
    exporter
        .with_timeout(otlp.timeout)
        .with_retry_policy(retry_policy())
        .with_headers(headers(lookup, signal).into_iter().collect())
}

/// Tries again until `OTEL_EXPORTER_OTLP_TIMEOUT` is over, by default 10 s, while the queue takes
/// what comes: a backend that restarts misses nothing. The library's own default ends after 1 s; of
/// 4 s with an outage of 2 s in them it lost a quarter. A gRPC call that is cut off under way, as by
/// a backend's crash, is not tried again: the library takes its code, UNKNOWN, for final.
fn retry_policy() -> RetryPolicy {
    RetryPolicy::default().with_max_retries(usize::MAX)
}

/// The variable of the signal, else that of all. The library takes some that are empty for set.
fn variable(lookup: Lookup<'_>, signal: &str, name: &str) -> Option<String> {
    lookup(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}"))
        .or_else(|| lookup(&format!("OTEL_EXPORTER_OTLP_{name}")))
}

/// The headers of the list, as they are encoded.
fn headers(lookup: Lookup<'_>, signal: &str) -> Vec<(String, String)> {
    let list = variable(lookup, signal, "HEADERS").unwrap_or_default();
    let headers = list.split(',').filter_map(|entry| entry.split_once('='));
    let headers = headers.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    headers.filter(|(_, value)| !value.is_empty()).collect()
}

/// The same decoded, and without what is no header.
fn metadata(headers: &[(String, String)]) -> MetadataMap {
    let headers = headers.iter().filter_map(|(name, value)| {
        let value = percent_decode_str(value).decode_utf8().ok()?;
        Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?))
    });
    MetadataMap::from_headers(headers.collect())
}
