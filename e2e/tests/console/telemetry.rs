//! Spans and log lines to send.

use anyhow::{Context, ensure};
use e2e::{NativeLab, http};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tonic::transport::Endpoint;

pub const MS: u64 = 1_000_000;

/// Nanoseconds since the epoch.
pub fn now() -> u64 {
    (e2e::ask::now() * 1e9) as u64
}

/// As pages have it.
pub fn id(trace: u128) -> String {
    format!("{trace:032x}")
}

/// Writes spans to the storage server, which takes them as they are.
pub async fn write(lab: &NativeLab, resource_spans: Vec<ResourceSpans>) -> anyhow::Result<()> {
    let request = ExportTraceServiceRequest { resource_spans };
    let storage = Endpoint::from_shared(lab.url("STORAGE_PORT"))?.connect_lazy();
    let request = RawTraces(request.encode_to_vec().into());
    let answer = TraceServiceClient::new(storage).export(request).await.context("writing spans")?;
    let refused = answer.into_inner().partial_success;
    ensure!(refused.is_none(), "spans were refused: {refused:?}");
    Ok(())
}

/// Writes log lines, OTLP as JSON, to the Collector, which hands them to Loki.
pub async fn write_logs(lab: &NativeLab, request: &serde_json::Value) -> anyhow::Result<()> {
    let url = format!("{}/v1/logs", lab.url("OTLP_HTTP_PORT"));
    let answer = http().post(url).json(request).send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "writing log lines: {status}: {}", answer.text().await?);
    Ok(())
}

pub fn string(value: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(value.to_owned())) }
}

pub fn array(values: Vec<AnyValue>) -> AnyValue {
    AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }
}

pub fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// Of the last minute, from so many milliseconds after `begin` to so many.
pub fn span(trace: u128, id: u64, parent: u64, begin: u64, (from, to): (u64, u64)) -> Span {
    Span {
        trace_id: trace.to_be_bytes().into(),
        span_id: id.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        name: format!("GET /{id}"),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: begin + from * MS,
        end_time_unix_nano: begin + to * MS,
        ..Span::default()
    }
}

pub fn of(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let attributes = vec![attribute("service.name", string(service))];
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

/// A trace of so many spans, one after the other below the first.
pub fn large(trace: u128, spans: u64) -> Vec<ResourceSpans> {
    let begin = now() - 30_000 * MS;
    let first = span(trace, 1, 0, begin, (0, spans));
    let others = (2..=spans).map(|id| span(trace, id, 1, begin, (id - 2, id - 1)));
    vec![of("large", std::iter::once(first).chain(others).collect())]
}
