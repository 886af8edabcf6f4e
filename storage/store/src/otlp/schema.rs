//! Checks that bytes are the OTLP message they should be, as a decoder into owned structs would:
//! wire types, UTF-8 and nesting, everywhere. What passes here, every OTLP reader can decode.

use super::wire::{Fields, MAX_DEPTH, Value, WireError};

/// What a known field of a message holds. Fields that are not listed may hold anything.
#[derive(Clone, Copy)]
enum Kind {
    Varint,
    Fixed32,
    Fixed64,
    Bytes,
    Text,
    Message(&'static Message),
}

/// A message's known fields by number.
pub(crate) struct Message {
    fields: &'static [(u32, Kind)],
}

macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $($number:literal: $kind:expr),* $(,)? }) => {
        $(#[$doc])*
        pub(crate) static $name: Message = Message { fields: &[$(($number, $kind)),*] };
    };
}

use Kind::{Bytes, Fixed32, Fixed64, Text, Varint};

const fn sub(message: &'static Message) -> Kind {
    Kind::Message(message)
}

message!(ANY_VALUE {
    1: Text,
    2: Varint,
    3: Varint,
    4: Fixed64,
    5: sub(&ARRAY_VALUE),
    6: sub(&KEY_VALUE_LIST),
    7: Bytes,
    8: Varint,
});
message!(ARRAY_VALUE { 1: sub(&ANY_VALUE) });
message!(KEY_VALUE_LIST { 1: sub(&KEY_VALUE) });
message!(KEY_VALUE { 1: Text, 2: sub(&ANY_VALUE), 3: Varint });
message!(ENTITY_REF { 1: Text, 2: Text, 3: Text, 4: Text });
message!(RESOURCE { 1: sub(&KEY_VALUE), 2: Varint, 3: sub(&ENTITY_REF) });
message!(SCOPE { 1: Text, 2: Text, 3: sub(&KEY_VALUE), 4: Varint });
message!(STATUS { 2: Text, 3: Varint });
message!(EVENT { 1: Fixed64, 2: Text, 3: sub(&KEY_VALUE), 4: Varint });
message!(LINK { 1: Bytes, 2: Bytes, 3: Text, 4: sub(&KEY_VALUE), 5: Varint, 6: Fixed32 });
message!(SPAN {
    1: Bytes,
    2: Bytes,
    3: Text,
    4: Bytes,
    5: Text,
    6: Varint,
    7: Fixed64,
    8: Fixed64,
    9: sub(&KEY_VALUE),
    10: Varint,
    11: sub(&EVENT),
    12: Varint,
    13: sub(&LINK),
    14: Varint,
    15: sub(&STATUS),
    16: Fixed32,
});
message!(
    /// `ScopeSpans` without its spans, which are checked one by one.
    SCOPE_SPANS_ENVELOPE { 1: sub(&SCOPE), 3: Text }
);
message!(
    /// `ResourceSpans` without its scope spans.
    RESOURCE_SPANS_ENVELOPE { 1: sub(&RESOURCE), 3: Text }
);

impl Message {
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), WireError> {
        self.check_at(bytes, MAX_DEPTH)
    }

    /// Checks one field that was already read.
    pub(crate) fn check_field(&self, number: u32, value: Value<'_>) -> Result<(), WireError> {
        self.check_field_at(number, value, MAX_DEPTH)
    }

    fn check_at(&self, bytes: &[u8], depth: usize) -> Result<(), WireError> {
        let depth = depth.checked_sub(1).ok_or(WireError::TooDeep)?;
        for field in Fields::within(bytes, depth) {
            let field = field?;
            self.check_field_at(field.number, field.value, depth)?;
        }
        Ok(())
    }

    fn check_field_at(&self, number: u32, value: Value<'_>, depth: usize) -> Result<(), WireError> {
        let Some((_, kind)) = self.fields.iter().find(|(known, _)| *known == number) else {
            return Ok(());
        };
        match (kind, value) {
            (Kind::Varint, Value::Varint(_))
            | (Kind::Fixed32, Value::Fixed32(_))
            | (Kind::Fixed64, Value::Fixed64(_))
            | (Kind::Bytes, Value::Len(_)) => Ok(()),
            (Kind::Text, Value::Len(text)) => {
                std::str::from_utf8(text).map(drop).map_err(|_| WireError::Utf8)
            }
            (Kind::Message(message), Value::Len(bytes)) => message.check_at(bytes, depth),
            _ => Err(WireError::WireType),
        }
    }
}
