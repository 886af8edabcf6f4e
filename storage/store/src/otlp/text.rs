use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::attributes::AnyValue;

/// The text form of a value, by which legacy searches compare: Jaeger's UI sends every value as a
/// string. The rules are those of the Collector's `pcommon.Value.AsString`, which Jaeger's own
/// stores use: numbers as in JSON, bytes in base64, arrays and maps as JSON with sorted keys.
pub fn text_of<'a>(value: AnyValue<'a>) -> Cow<'a, str> {
    match value {
        AnyValue::Unset => "".into(),
        AnyValue::String(text) => text.into(),
        AnyValue::Bool(truth) => if truth { "true" } else { "false" }.into(),
        AnyValue::Int(number) => number.to_string().into(),
        AnyValue::Double(number) => match number {
            f64::INFINITY => "json: unsupported value: +Inf".into(),
            f64::NEG_INFINITY => "json: unsupported value: -Inf".into(),
            number if number.is_nan() => "json: unsupported value: NaN".into(),
            number => json_number(number).into(),
        },
        AnyValue::Bytes(bytes) => BASE64_STANDARD.encode(bytes).into(),
        AnyValue::Array(_) | AnyValue::Map(_) => {
            let mut json = String::new();
            // A number that JSON has no form for leaves the whole without one.
            if write_json(value, &mut json).is_none() {
                json.clear();
            }
            json.into()
        }
    }
}

/// The shortest digits that read back as `number`, with an exponent where JavaScript has one.
fn json_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        // Rust leaves out the plus sign.
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    } else {
        number.to_string()
    }
}

fn write_json(value: AnyValue<'_>, out: &mut String) -> Option<()> {
    match value {
        AnyValue::Unset => out.push_str("null"),
        // To Go, no bytes are nil.
        AnyValue::Bytes([]) => out.push_str("null"),
        AnyValue::String(text) => write_json_string(text, out),
        AnyValue::Double(number) if !number.is_finite() => return None,
        AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => out.push_str(&text_of(value)),
        AnyValue::Bytes(_) => write_json_string(&text_of(value), out),
        AnyValue::Array(_) => {
            out.push('[');
            for (index, element) in value.elements().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(element, out)?;
            }
            out.push(']');
        }
        AnyValue::Map(_) => {
            // The last of several equal keys stays.
            let entries: BTreeMap<_, _> =
                value.entries().map(|entry| (entry.key(), entry.value())).collect();
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json_string(key, out);
                out.push(':');
                write_json(value, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

/// Escapes as Go's `encoding/json` does, which includes the characters that HTML gives a meaning.
fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", character as u32)
                    .expect("a string takes all that is written");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_jaeger() {
        let cases = [
            (72.5, "72.5"),
            (1.0, "1"),
            (-0.0, "-0"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::NAN, "json: unsupported value: NaN"),
            (f64::NEG_INFINITY, "json: unsupported value: -Inf"),
        ];
        for (number, expected) in cases {
            assert_eq!(text_of(AnyValue::Double(number)), expected);
        }
        assert_eq!(text_of(AnyValue::Int(-12)), "-12");
        assert_eq!(text_of(AnyValue::Bool(true)), "true");
    }

    #[test]
    fn bytes_are_base64_and_unset_is_empty() {
        assert_eq!(text_of(AnyValue::Bytes(&[0, 1, 255])), "AAH/");
        assert_eq!(text_of(AnyValue::Unset), "");
    }

    #[test]
    fn maps_and_arrays_are_json_with_sorted_keys() {
        // {"b": ["<", true], "a": unset}, keys in that order.
        let list = [
            &[0x0a, 0x12, 0x0a, 1, b'b', 0x12, 13, 0x2a, 11][..],
            &[0x0a, 3, 0x0a, 1, b'<', 0x0a, 2, 0x10, 1, 0x0a, 0],
            &[0x0a, 5, 0x0a, 1, b'a', 0x12, 0],
        ]
        .concat();
        assert_eq!(text_of(AnyValue::Map(&list)), r#"{"a":null,"b":["\u003c",true,null]}"#);
    }

    #[test]
    fn empty_bytes_are_nothing_alone_and_null_inside() {
        assert_eq!(text_of(AnyValue::Bytes(&[])), "");
        assert_eq!(text_of(AnyValue::Array(&[0x0a, 2, 0x3a, 0])), "[null]");
    }
}
