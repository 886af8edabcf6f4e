//! What a block's filter is asked for: hashes of what its spans have.
//!
//! An entry is the xxh3 (64 bits) of
//! ```text
//! u8      0 and 7 trace id; 1 to 6 a field; 16 to 20 an attribute, by level
//! bytes   trace id: its 16 bytes; field: its text
//!         attribute: u32 the key's length, the key, the value's text form
//! ```
//! A value's text form is [`spoor_store::otlp::text_of`].

use spoor_store::TraceId;
use spoor_store::filter::{Field, Level};
use xxhash_rust::xxh3::xxh3_64;

/// The entries of a trace. There are two, because a filter passes one in a hundred for nothing,
/// and a trace is looked for in all blocks.
pub fn trace_entries(id: &TraceId) -> [u64; 2] {
    [0, 7].map(|number| hash(&[&[number], id.as_bytes()]))
}

/// The entry of a span's field with this text. None if blocks have no entries of the field.
pub fn field_entry(field: Field, text: &str) -> Option<u64> {
    let number = match field {
        Field::SpanName => 1,
        Field::SpanKind => 2,
        Field::SpanStatus => 3,
        Field::ResourceService => 4,
        Field::ScopeName => 5,
        Field::ScopeVersion => 6,
        _ => return None,
    };
    Some(hash(&[&[number], text.as_bytes()]))
}

/// The entry of an attribute at this level, of a value with this text form.
pub fn attribute_entry(level: Level, key: &str, text: &str) -> u64 {
    AttributeEntries::new(level, key.as_bytes()).entry(text.as_bytes())
}

/// Entries of one attribute's values.
pub(crate) struct AttributeEntries {
    buffer: Vec<u8>,
    prefix: usize,
}

impl AttributeEntries {
    pub(crate) fn new(level: Level, key: &[u8]) -> Self {
        let mut buffer = vec![16 + level_number(level)];
        buffer.extend_from_slice(&(key.len() as u32).to_le_bytes());
        buffer.extend_from_slice(key);
        Self { prefix: buffer.len(), buffer }
    }

    pub(crate) fn entry(&mut self, text: &[u8]) -> u64 {
        self.buffer.truncate(self.prefix);
        self.buffer.extend_from_slice(text);
        xxh3_64(&self.buffer)
    }
}

/// The number of a level on the disk.
pub(crate) fn level_number(level: Level) -> u8 {
    match level {
        Level::Span => 0,
        Level::Resource => 1,
        Level::Scope => 2,
        Level::Event => 3,
        Level::Link => 4,
    }
}

fn hash(parts: &[&[u8]]) -> u64 {
    xxh3_64(&parts.concat())
}
