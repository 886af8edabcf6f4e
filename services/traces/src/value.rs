//! How values are written, and found.

use std::fmt::Write;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// An id as it is written everywhere.
pub fn hex(id: &[u8]) -> String {
    id.iter().fold(String::with_capacity(2 * id.len()), |mut text, byte| {
        push(&mut text, format_args!("{byte:02x}"));
        text
    })
}

/// A value for a person: text as it is, lists and maps as in JSON, bytes in hexadecimal. As hostile
/// as what was sent: whoever shows it escapes and cuts it.
pub fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        _ => {
            let mut text = String::new();
            write(value, &mut text);
            text
        }
    }
}

/// The value of an attribute that is text.
pub(crate) fn string<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    match find(attributes, key)?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The value of an attribute.
pub(crate) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()
}

// As deep as a message of protobuf may be, which is 100 levels, or one of JSON, which is 128.
fn write(value: &AnyValue, to: &mut String) {
    match &value.value {
        None => to.push_str("null"),
        Some(Value::StringValue(text)) => quote(text, to),
        Some(Value::BoolValue(value)) => push(to, value),
        Some(Value::IntValue(value)) => push(to, value),
        // Short however large or small it is, and 1 rather than 1.0.
        Some(Value::DoubleValue(value)) => {
            let text = format!("{value:?}");
            to.push_str(text.strip_suffix(".0").unwrap_or(&text));
        }
        Some(Value::BytesValue(bytes)) => to.push_str(&hex(bytes)),
        Some(Value::ArrayValue(array)) => {
            list(to, ['[', ']'], &array.values, write);
        }
        Some(Value::KvlistValue(map)) => list(to, ['{', '}'], &map.values, |entry, to| {
            quote(&entry.key, to);
            to.push_str(": ");
            write(entry.value.as_ref().unwrap_or(&AnyValue { value: None }), to);
        }),
        // An index into a table that traces do not have.
        Some(_) => to.push('?'),
    }
}

fn push(to: &mut String, value: impl std::fmt::Display) {
    // Fails never: it is memory.
    let _ = write!(to, "{value}");
}

fn list<T>(to: &mut String, [open, close]: [char; 2], items: &[T], item: impl Fn(&T, &mut String)) {
    to.push(open);
    for (index, one) in items.iter().enumerate() {
        if index > 0 {
            to.push_str(", ");
        }
        item(one, to);
    }
    to.push(close);
}

fn quote(text: &str, to: &mut String) {
    to.push('"');
    for it in text.chars() {
        match it {
            '"' | '\\' => to.extend(['\\', it]),
            '\n' => to.push_str("\\n"),
            it if it < ' ' => push(to, format_args!("\\u{:04x}", u32::from(it))),
            it => to.push(it),
        }
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    fn value(value: Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    #[test]
    fn each_kind_of_value_is_written() {
        let list = [Value::StringValue("a\"b".to_owned()), Value::IntValue(-1)];
        let list = ArrayValue { values: list.map(value).into() };
        let entry = KeyValue {
            key: "k".to_owned(),
            value: Some(value(Value::ArrayValue(list))),
            ..KeyValue::default()
        };
        let map = KeyValueList { values: vec![entry] };
        for (given, expected) in [
            (Value::StringValue("plain \"text\"".to_owned()), "plain \"text\""),
            (Value::BoolValue(true), "true"),
            (Value::DoubleValue(0.5), "0.5"),
            (Value::DoubleValue(-3.0), "-3"),
            (Value::DoubleValue(1e300), "1e300"),
            (Value::DoubleValue(f64::NAN), "NaN"),
            (Value::BytesValue(vec![0, 255]), "00ff"),
            (Value::KvlistValue(map), r#"{"k": ["a\"b", -1]}"#),
        ] {
            assert_eq!(text(&value(given)), expected);
        }
        assert_eq!(text(&AnyValue { value: None }), "null");
    }

    #[test]
    fn text_within_a_list_is_escaped_as_json_has_it() {
        for sent in ["a\"b", "c\\d", "e\nf", "\u{0}\u{1b}[31m", "<b>\u{202e}"] {
            let list = ArrayValue { values: vec![value(Value::StringValue(sent.to_owned()))] };
            let written = text(&value(Value::ArrayValue(list)));
            assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [sent]);
        }
    }

    #[test]
    fn an_id_is_written_in_lower_case_with_its_zeros() {
        assert_eq!(hex(&[0, 0xa, 0xff]), "000aff");
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn of_two_attributes_of_a_key_the_first_is_found() {
        let attribute = |key: &str, it| KeyValue {
            key: key.to_owned(),
            value: Some(value(it)),
            ..KeyValue::default()
        };
        let attributes = [
            attribute("a", Value::IntValue(1)),
            attribute("b", Value::StringValue("2".to_owned())),
            attribute("b", Value::StringValue("3".to_owned())),
        ];
        assert_eq!(string(&attributes, "b"), Some("2"));
        assert_eq!(string(&attributes, "a"), None, "it is no text");
        assert_eq!(find(&attributes, "a").map(text).as_deref(), Some("1"));
        assert_eq!(find(&attributes, "c"), None);
    }
}
