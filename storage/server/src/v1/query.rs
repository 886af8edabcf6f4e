use spoor_proto::storage::any_value::Value;
use spoor_proto::storage::{AnyValue, KeyValue, TraceQueryParameters};
use spoor_proto::storage_v1;

/// A search as API v2 has it.
pub(super) fn v2(query: storage_v1::TraceQueryParameters) -> TraceQueryParameters {
    let attributes = query.tags.into_iter().map(|(key, text)| KeyValue {
        key: renamed(&key).map_or(key, str::to_owned),
        value: Some(AnyValue { value: Some(Value::StringValue(text)) }),
    });
    TraceQueryParameters {
        service_name: query.service_name,
        operation_name: query.operation_name,
        attributes: attributes.collect(),
        start_time_min: query.start_time_min,
        start_time_max: query.start_time_max,
        duration_min: query.duration_min,
        duration_max: query.duration_max,
        search_depth: query.num_traces,
        ..TraceQueryParameters::default()
    }
}

/// The name in a search of what a span of API v1 has as a tag, and OTLP as a field.
fn renamed(key: &str) -> Option<&'static str> {
    match key {
        "otel.scope.name" => Some("scope.name"),
        "otel.scope.version" => Some("scope.version"),
        "otel.status_code" => Some("span.status"),
        _ => None,
    }
}
