use spoor_proto::api_v2::{KeyValue, ValueType};
use spoor_store::otlp::{AnyValue, text_of};

/// An attribute as a tag. No value is an empty text; an array or a map is its text form.
pub(super) fn tag(key: &str, value: AnyValue<'_>) -> KeyValue {
    let mut tag = KeyValue { key: key.to_owned(), ..KeyValue::default() };
    let value_type = match value {
        AnyValue::Unset | AnyValue::String(_) | AnyValue::Array(_) | AnyValue::Map(_) => {
            tag.v_str = text_of(value).into_owned();
            ValueType::String
        }
        AnyValue::Bool(truth) => {
            tag.v_bool = truth;
            ValueType::Bool
        }
        AnyValue::Int(number) => {
            tag.v_int64 = number;
            ValueType::Int64
        }
        AnyValue::Double(number) => {
            tag.v_float64 = number;
            ValueType::Float64
        }
        AnyValue::Bytes(bytes) => {
            tag.v_binary = bytes.to_vec().into();
            ValueType::Binary
        }
    };
    tag.v_type = value_type.into();
    tag
}
