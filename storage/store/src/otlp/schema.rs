//! Checks that bytes are the OTLP message they should be, as a decoder into owned structs would:
//! wire types, UTF-8 and nesting, everywhere. What passes here, every OTLP reader can decode.

use super::wire::{Fields, MAX_DEPTH, Value, WireError, wire_type};

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
    fields: [Option<Kind>; MOST_FIELDS],
}

/// The numbers of known fields are below this.
const MOST_FIELDS: usize = 17;

macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $($number:literal: $kind:expr),* $(,)? }) => {
        $(#[$doc])*
        pub(crate) static $name: Message = {
            let mut fields = [None; MOST_FIELDS];
            $(fields[$number] = Some($kind);)*
            Message { fields }
        };
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
        match (self.known(number), value) {
            (None, _)
            | (Some(Kind::Varint), Value::Varint(_))
            | (Some(Kind::Fixed32), Value::Fixed32(_))
            | (Some(Kind::Fixed64), Value::Fixed64(_)) => Ok(()),
            (Some(kind), Value::Len(bytes)) if kind.wire_type() == wire_type::LEN => {
                kind.check(bytes, MAX_DEPTH)
            }
            _ => Err(WireError::WireType),
        }
    }

    fn check_at(&self, bytes: &[u8], depth: usize) -> Result<(), WireError> {
        let depth = depth.checked_sub(1).ok_or(WireError::TooDeep)?;
        let mut fields = Fields::within(bytes, depth);
        while let Some((number, wire_type)) = fields.next_key()? {
            let known = self.known(number);
            if known.is_some_and(|kind| kind.wire_type() != wire_type) {
                return Err(WireError::WireType);
            }
            match known {
                Some(kind @ (Kind::Text | Kind::Message(_))) => {
                    kind.check(fields.len_delimited()?, depth)?;
                }
                _ => fields.skip_value(number, wire_type, depth)?,
            }
        }
        Ok(())
    }

    fn known(&self, number: u32) -> Option<Kind> {
        self.fields.get(number as usize).copied().flatten()
    }
}

impl Kind {
    fn wire_type(self) -> u64 {
        match self {
            Self::Varint => wire_type::VARINT,
            Self::Fixed32 => wire_type::FIXED32,
            Self::Fixed64 => wire_type::FIXED64,
            Self::Bytes | Self::Text | Self::Message(_) => wire_type::LEN,
        }
    }

    /// Checks a length-delimited value.
    fn check(self, value: &[u8], depth: usize) -> Result<(), WireError> {
        match self {
            Self::Message(message) => message.check_at(value, depth),
            // Most texts are ASCII, and of those that are short this is the faster check.
            Self::Text if !value.is_ascii() && std::str::from_utf8(value).is_err() => {
                Err(WireError::Utf8)
            }
            _ => Ok(()),
        }
    }
}
