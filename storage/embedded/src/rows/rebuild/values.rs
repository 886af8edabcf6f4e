use super::super::frame::key;
use super::super::writer::Writer;
use super::super::{FieldOrder, RebuildError, Slot, Tables, ValueKind};
use super::{Ascending, Descending, Result};

/// Words that were not read yet.
#[derive(Clone)]
pub(super) struct Words<'w>(pub(super) &'w [u32]);

impl<'w> Words<'w> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'w [u32]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(RebuildError::Words)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn one(&mut self) -> Result<u32> {
        self.take(1).map(|words| words[0])
    }

    /// One word if it is there, else zero.
    pub(super) fn one_if(&mut self, is_there: bool) -> Result<u32> {
        if is_there { self.one() } else { Ok(0) }
    }

    /// The text of one word if it is there, else the empty one.
    pub(super) fn text_if<'s>(
        &mut self,
        is_there: bool,
        source: &'s impl Tables,
    ) -> Result<&'s [u8]> {
        if is_there { text(source, self.one()?) } else { Ok(&[]) }
    }

    pub(super) fn values(&mut self, slots: &[Slot]) -> Result<&'w [u32]> {
        self.take(slots.iter().map(|slot| slot.kind.words()).sum())
    }
}

/// The text of a code.
pub(super) fn text(source: &impl Tables, code: u32) -> Result<&[u8]> {
    source.text(code).ok_or(RebuildError::Text(code))
}

/// The value of two words, the low one first.
pub(super) fn u64_of(words: &[u32]) -> u64 {
    u64::from(words[0]) | u64::from(words[1]) << 32
}

/// Puts attributes with their values, which are as many words as the slots take.
pub(super) fn put_attributes(
    source: &impl Tables,
    order: FieldOrder,
    key: u8,
    slots: &[Slot],
    values: &[u32],
    w: &mut Writer<'_>,
) -> Result {
    let mut values = Words(values);
    for slot in slots {
        let name = text(source, slot.key)?;
        let words = values.take(slot.kind.words())?;
        w.message(key, 1, |w| {
            if order == Ascending {
                w.text(key::KEY, name);
            }
            if slot.kind != ValueKind::Absent {
                w.message(key::VALUE, 1, |w| put_value(source, slot.kind, words, w))?;
            }
            if order == Descending {
                w.text(key::KEY, name);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn put_value(source: &impl Tables, kind: ValueKind, words: &[u32], w: &mut Writer<'_>) -> Result {
    match kind {
        ValueKind::Absent | ValueKind::Empty => {}
        ValueKind::String => w.bytes(key::STRING, text(source, words[0])?),
        ValueKind::Array => w.bytes(key::ARRAY, text(source, words[0])?),
        ValueKind::Map => w.bytes(key::MAP, text(source, words[0])?),
        ValueKind::Bytes => w.bytes(key::BYTES, text(source, words[0])?),
        ValueKind::Bool => w.varint(key::BOOL, words[0].into()),
        ValueKind::Int => w.varint(key::INT, u64_of(words)),
        ValueKind::Double => w.fixed64(key::DOUBLE, u64_of(words)),
    }
    Ok(())
}
