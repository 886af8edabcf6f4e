use super::wire::{Fields, Value};

/// An attribute's value. Its text form is [`super::text_of`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnyValue<'a> {
    /// No value is set.
    Unset,
    /// UTF-8 text.
    String(&'a str),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number, NaN and infinities included.
    Double(f64),
    /// The bytes of an `ArrayValue`: see [`AnyValue::elements`].
    Array(&'a [u8]),
    /// The bytes of a `KeyValueList`: see [`AnyValue::entries`].
    Map(&'a [u8]),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

impl<'a> AnyValue<'a> {
    /// Reads an `AnyValue` message, OTLP's or `jaeger.storage.v2`'s: their fields are the same.
    pub fn parse(message: &'a [u8]) -> Self {
        let mut value = Self::Unset;
        for field in Fields::of(message).flatten() {
            value = match (field.number, field.value) {
                (1, Value::Len(text)) => Self::String(text_or_empty(text)),
                (2, Value::Varint(number)) => Self::Bool(number != 0),
                (3, Value::Varint(number)) => Self::Int(number.cast_signed()),
                (4, Value::Fixed64(bits)) => Self::Double(f64::from_bits(bits)),
                (5, Value::Len(bytes)) => Self::Array(bytes),
                (6, Value::Len(bytes)) => Self::Map(bytes),
                (7, Value::Len(bytes)) => Self::Bytes(bytes),
                _ => value,
            };
        }
        value
    }

    /// The elements of an array; none of any other value.
    pub fn elements(&self) -> impl Iterator<Item = AnyValue<'a>> + use<'a> {
        let bytes = if let Self::Array(bytes) = self { bytes } else { &[][..] };
        messages(bytes, 1).map(AnyValue::parse)
    }

    /// The entries of a map; none of any other value.
    pub fn entries(&self) -> Attributes<'a> {
        let bytes = if let Self::Map(bytes) = self { bytes } else { &[][..] };
        Attributes::new(bytes, 1)
    }
}

/// A key with its value.
///
/// Both are read when asked for: a search passes over most attributes of a span.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyValue<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> KeyValue<'a> {
    fn parse(message: &'a [u8]) -> Self {
        let mut key_value = Self::default();
        for field in Fields::of(message).flatten() {
            match (field.number, field.value) {
                (1, Value::Len(key)) => key_value.key = key,
                (2, Value::Len(value)) => key_value.value = value,
                _ => {}
            }
        }
        key_value
    }

    /// The attribute's name.
    pub fn key(&self) -> &'a str {
        text_or_empty(self.key)
    }

    /// Whether this is the attribute's name.
    pub fn has_key(&self, key: &str) -> bool {
        self.key == key.as_bytes()
    }

    /// The attribute's value.
    pub fn value(&self) -> AnyValue<'a> {
        AnyValue::parse(self.value)
    }
}

/// The attributes of a message, in their order, duplicate keys included.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    fields: Fields<'a>,
    number: u32,
}

impl<'a> Attributes<'a> {
    /// The attributes that `message` holds in the field `number`.
    pub(super) fn new(message: &'a [u8], number: u32) -> Self {
        Self { fields: Fields::of(message), number }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = KeyValue<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        next_message(&mut self.fields, self.number).map(KeyValue::parse)
    }
}

/// The messages that `message` holds in the repeated field `number`.
pub(super) fn messages(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> + Clone {
    let mut fields = Fields::of(message);
    std::iter::from_fn(move || next_message(&mut fields, number))
}

fn next_message<'a>(fields: &mut Fields<'a>, number: u32) -> Option<&'a [u8]> {
    fields.find_map(|field| match field {
        Ok(field) if field.number == number => match field.value {
            Value::Len(bytes) => Some(bytes),
            _ => None,
        },
        _ => None,
    })
}

pub(super) fn text_or_empty(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
