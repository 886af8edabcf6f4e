use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use spoor_proto::api_v2::{self, ValueType};

/// Attributes with one value for each key.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// Adds these tags. Of several with one key the last counts, where the first stands.
    pub(super) fn extend(&mut self, tags: Vec<api_v2::KeyValue>) {
        // Numbered first, because comparing each key with all before it takes too long where a
        // hostile client sends a great many.
        let mut numbers: HashMap<&str, usize> = HashMap::with_capacity(tags.len());
        let keys = self.0.iter().map(|attribute| attribute.key.as_str());
        let places: Vec<usize> = keys
            .chain(tags.iter().map(|tag| tag.key.as_str()))
            .map(|key| {
                let next = numbers.len();
                *numbers.entry(key).or_insert(next)
            })
            .collect();
        let before = self.0.len();
        for (tag, place) in tags.into_iter().zip(places.into_iter().skip(before)) {
            let (key, value) = value(tag);
            let attribute = key_value(key, value);
            match self.0.get_mut(place) {
                Some(before) => *before = attribute,
                None => self.0.push(attribute),
            }
        }
    }

    /// Sets one value.
    pub(super) fn put(&mut self, key: &str, value: Value) {
        self.take(key);
        self.0.push(key_value(key.to_owned(), value));
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
    }

    /// Removes a value.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        let index = self.0.iter().position(|attribute| attribute.key == key)?;
        self.0.remove(index).value?.value
    }

    pub(super) fn into_vec(self) -> Vec<KeyValue> {
        self.0
    }
}

/// A value's text; that of one which is none is empty.
pub(super) fn text(value: &Value) -> &str {
    if let Value::StringValue(text) = value { text } else { "" }
}

pub(super) fn key_value(key: String, value: Value) -> KeyValue {
    KeyValue { key, value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn value(tag: api_v2::KeyValue) -> (String, Value) {
    let value = match ValueType::try_from(tag.v_type) {
        Ok(ValueType::String) => Value::StringValue(tag.v_str),
        Ok(ValueType::Bool) => Value::BoolValue(tag.v_bool),
        Ok(ValueType::Int64) => Value::IntValue(tag.v_int64),
        Ok(ValueType::Float64) => Value::DoubleValue(tag.v_float64),
        Ok(ValueType::Binary) => Value::BytesValue(tag.v_binary.to_vec()),
        Err(_) => Value::StringValue(format!("<Unknown Jaeger TagType \"{}\">", tag.v_type)),
    };
    (tag.key, value)
}
