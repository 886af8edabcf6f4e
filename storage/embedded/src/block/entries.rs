//! What a block's filter is asked for: hashes of what its spans have.
//!
//! An entry is the xxh3 (64 bits) of
//! ```text
//! u8      0 and 7 trace id; 1 to 6 a field; 8 a service's durations;
//!         16 to 20 an attribute, 21 to 25 an attribute's key, both by level
//! bytes   trace id: its 16 bytes; field: its text
//!         a service's durations: u8 a step that some span of it reaches, the service
//!         attribute: u32 the key's length, the key, the value's text form; key: the key
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

/// The entry of a service some span of which lasts as long as this step says.
pub fn duration_entry(step: u8, service: &str) -> u64 {
    hash(&[&[8, step], service.as_bytes()])
}

/// The step that a duration in nanoseconds reaches: two to an octave, so that a longer span never
/// has a lesser one. None below 65,536 ns, which nearly every span reaches.
pub fn duration_step(nanos: u64) -> Option<u8> {
    let octave = nanos.checked_ilog2()? as u8;
    // Whether it is at least 1.5 times its power of two, which is close to the root of two.
    let upper = octave > 0 && nanos >> (octave - 1) & 1 == 1;
    Some(2 * octave + u8::from(upper)).filter(|step| *step >= LEAST_STEP)
}

/// The step of 65,536 ns.
pub(crate) const LEAST_STEP: u8 = 32;

/// The entry of an attribute's key at this level.
pub fn key_entry(level: Level, key: &str) -> u64 {
    key_entry_of(level, key.as_bytes())
}

fn key_entry_of(level: Level, key: &[u8]) -> u64 {
    hash(&[&[21 + level_number(level)], key])
}

/// The entry of an attribute at this level, of a value with this text form.
pub fn attribute_entry(level: Level, key: &str, text: &str) -> u64 {
    AttributeEntries::new(level, key.as_bytes()).entry(text.as_bytes())
}

/// Entries of one attribute's values.
pub(crate) struct AttributeEntries {
    key: u64,
    buffer: Vec<u8>,
    prefix: usize,
}

impl AttributeEntries {
    pub(crate) fn new(level: Level, key: &[u8]) -> Self {
        let mut buffer = vec![16 + level_number(level)];
        buffer.extend_from_slice(&(key.len() as u32).to_le_bytes());
        buffer.extend_from_slice(key);
        Self { key: key_entry_of(level, key), prefix: buffer.len(), buffer }
    }

    /// The entry of the key.
    pub(crate) fn key(&self) -> u64 {
        self.key
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_begin_at_powers_of_two_and_at_one_and_a_half_times_these() {
        for octave in 16..64 {
            let power = 1_u64 << octave;
            let step = 2 * octave as u8;
            let before = (octave > 16).then(|| step - 1);
            assert_eq!(duration_step(power - 1), before, "{octave}");
            assert_eq!(duration_step(power), Some(step), "{octave}");
            assert_eq!(duration_step(power / 2 * 3 - 1), Some(step), "{octave}");
            assert_eq!(duration_step(power / 2 * 3), Some(step + 1), "{octave}");
        }
        assert_eq!(duration_step(1 << 16), Some(LEAST_STEP));
        assert_eq!(duration_step(i64::MAX as u64), Some(125));
        assert_eq!(duration_step(u64::MAX), Some(127));
    }

    #[test]
    fn the_shortest_durations_reach_no_step() {
        for nanos in 0..1 << 16 {
            assert_eq!(duration_step(nanos), None, "{nanos}");
        }
    }

    #[test]
    fn a_longer_duration_never_reaches_a_lesser_step() {
        let around = |nanos: u64| (nanos - 2)..=nanos.saturating_add(2);
        let nanos = (2..64).flat_map(|octave| [1 << octave, 3 << (octave - 1), 5 << (octave - 2)]);
        let mut nanos: Vec<u64> = nanos.flat_map(around).chain([0, 1, u64::MAX]).collect();
        nanos.sort_unstable();
        assert!(nanos.is_sorted_by_key(|nanos| duration_step(*nanos)));
    }

    #[test]
    fn entries_of_other_kinds_differ() {
        let levels = [Level::Span, Level::Resource, Level::Scope, Level::Event, Level::Link];
        let keys = levels.map(|level| key_entry(level, "a"));
        // A value that is empty, and a field, have the bytes of nothing else.
        let values = levels.map(|level| attribute_entry(level, "a", ""));
        let steps = (LEAST_STEP..=127).flat_map(|step| {
            [duration_entry(step, "a"), duration_entry(step, "b"), duration_entry(step, "")]
        });
        let mut all: Vec<u64> = keys.into_iter().chain(values).chain(steps).collect();
        let len = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), len);
        assert_eq!(AttributeEntries::new(Level::Link, b"a").key(), keys[4]);
    }
}
