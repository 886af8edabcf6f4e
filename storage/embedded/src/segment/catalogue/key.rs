//! Entries as byte strings with the same order.
//!
//! A text ends with a zero byte; a zero byte inside of it is written `00 ff`. What follows a text
//! never begins with `ff`: UTF-8 has no such byte, and kinds and types are small numbers.

use std::borrow::Cow;

use spoor_store::filter::Level;
use spoor_store::otlp::SpanKind;

use crate::block::entries::level_number;
use crate::rows::ValueKind;

/// An operation of a service: the name and the kind of some span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationKey<'a> {
    /// The service.
    pub service: Cow<'a, str>,
    /// The span's name.
    pub name: Cow<'a, str>,
    /// The span's kind.
    pub kind: SpanKind,
}

impl OperationKey<'_> {
    /// The key's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_text(out, &self.service);
        put_text(out, &self.name);
        out.push(self.kind as u8);
    }
}

impl<'a> OperationKey<'a> {
    /// Reads a key; none if the bytes are not one.
    pub fn decode(key: &'a [u8]) -> Option<Self> {
        let (service, rest) = take_text(key)?;
        let (name, rest) = take_text(rest)?;
        let &[number @ 0..=5] = rest else { return None };
        Some(Self { service, name, kind: SpanKind::from_number(number.into()) })
    }
}

/// The key of an attribute, with where it is and what its values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeKey<'a> {
    /// Where.
    pub level: Level,
    /// The attribute's name.
    pub key: Cow<'a, str>,
    /// The type of some of its values.
    pub value: ValueKind,
}

/// The place of each is its number on the disk.
const LEVELS: [Level; 5] = [Level::Span, Level::Resource, Level::Scope, Level::Event, Level::Link];

impl AttributeKey<'_> {
    /// The key's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(level_number(self.level));
        put_text(out, &self.key);
        out.push(self.value as u8);
    }
}

impl<'a> AttributeKey<'a> {
    /// Reads a key; none if the bytes are not one.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (level, rest) = bytes.split_first()?;
        let (key, rest) = take_text(rest)?;
        let [value] = rest else { return None };
        Some(Self {
            level: *LEVELS.get(usize::from(*level))?,
            key,
            value: ValueKind::from_number(*value)?,
        })
    }
}

/// What every operation of the service begins with, and sorts at or after.
pub(in crate::segment) fn before_operations_of(service: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(service.len() + 1);
    put_text(&mut key, service);
    key
}

/// What sorts after every operation of the service, and before those of any later one.
pub(in crate::segment) fn after_operations_of(service: &str) -> Vec<u8> {
    let mut key = before_operations_of(service);
    key.push(0xff);
    key
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut parts = text.as_bytes().split(|byte| *byte == 0);
    // There is a first part, be it empty.
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        out.extend_from_slice(&[0, 0xff]);
        out.extend_from_slice(part);
    }
    out.push(0);
}

/// A text, and what comes after its end.
fn take_text(bytes: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let mut text = Cow::Borrowed(&bytes[..0]);
    let mut rest = bytes;
    loop {
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (part, after) = (&rest[..end], &rest[end + 1..]);
        if let [0xff, after @ ..] = after {
            text.to_mut().extend_from_slice(part);
            text.to_mut().push(0);
            rest = after;
            continue;
        }
        // Most texts have no zero byte inside and need no copy.
        if text.is_empty() {
            text = Cow::Borrowed(part);
        } else {
            text.to_mut().extend_from_slice(part);
        }
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(std::str::from_utf8(text).ok()?),
            Cow::Owned(text) => Cow::Owned(String::from_utf8(text).ok()?),
        };
        return Some((text, after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 8] = ["", "\0", "\0\0", "a", "a\0", "a\0b", "ab", "\u{10ffff}"];
    const KINDS: [i32; 6] = [0, 1, 2, 3, 4, 5];

    fn operation<'a>(service: &'a str, name: &'a str, kind: i32) -> OperationKey<'a> {
        let kind = SpanKind::from_number(kind);
        OperationKey { service: service.into(), name: name.into(), kind }
    }

    #[test]
    fn keys_come_back_and_sort_as_what_they_encode() {
        let mut last = Vec::new();
        for service in TEXTS {
            for name in TEXTS {
                for kind in KINDS {
                    let operation = operation(service, name, kind);
                    let mut key = Vec::new();
                    operation.encode(&mut key);
                    assert_eq!(OperationKey::decode(&key), Some(operation));
                    assert!(last < key, "{last:?} {key:?}");
                    last = key;
                }
            }
        }
    }

    #[test]
    fn attribute_keys_come_back() {
        for (number, level) in LEVELS.into_iter().enumerate() {
            for value in (0..=8).map(|number| ValueKind::from_number(number).unwrap()) {
                for text in TEXTS {
                    let attribute = AttributeKey { level, key: text.into(), value };
                    let mut key = Vec::new();
                    attribute.encode(&mut key);
                    assert_eq!(key[0] as usize, number);
                    assert_eq!(AttributeKey::decode(&key), Some(attribute));
                }
            }
        }
    }

    #[test]
    fn a_services_operations_lie_between_its_bounds() {
        for service in TEXTS {
            for other in TEXTS {
                for name in TEXTS {
                    let mut key = Vec::new();
                    operation(other, name, 5).encode(&mut key);
                    let within =
                        before_operations_of(service) <= key && key < after_operations_of(service);
                    assert_eq!(within, service == other);
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_none() {
        assert_eq!(OperationKey::decode(b"no end"), None);
        assert_eq!(OperationKey::decode(b"a\0b\0\x06"), None);
        assert_eq!(OperationKey::decode(b"a\0b\0\x05more"), None);
        assert_eq!(OperationKey::decode(b"\x80\0b\0\x05"), None);
        assert_eq!(AttributeKey::decode(b"\x05a\0\x01"), None);
        assert_eq!(AttributeKey::decode(b"\x00a\0\x09"), None);
        assert_eq!(AttributeKey::decode(b""), None);
    }
}
