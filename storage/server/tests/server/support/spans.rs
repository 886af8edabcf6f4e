use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use spoor_proto::RawTraces;

pub fn trace_id(trace: u128) -> Vec<u8> {
    trace.to_be_bytes().to_vec()
}

/// A good span of one microsecond that ended just now.
pub fn span(trace: u128, id: u64) -> Span {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    Span {
        trace_id: trace_id(trace),
        span_id: id.to_be_bytes().to_vec(),
        name: "operation".to_owned(),
        start_time_unix_nano: now - 1000,
        end_time_unix_nano: now,
        ..Span::default()
    }
}

pub fn resource_spans(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let name = AnyValue { value: Some(Value::StringValue(service.to_owned())) };
    let attribute =
        KeyValue { key: "service.name".to_owned(), value: Some(name), ..Default::default() };
    ResourceSpans {
        resource: Some(Resource { attributes: vec![attribute], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

/// An export request of one service.
pub fn export(service: &str, spans: Vec<Span>) -> RawTraces {
    let resource_spans = vec![resource_spans(service, spans)];
    RawTraces(ExportTraceServiceRequest { resource_spans }.encode_to_vec().into())
}

pub fn span_count(chunk: &RawTraces) -> usize {
    let data = TracesData::decode(chunk.0.clone()).unwrap();
    let scopes = data.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}
