//! The attributes of a head's spans that a search looks at.

use spoor_store::otlp::AnyValue;

use crate::block::{Sought, Wanted};
use crate::rows::{Rows, Slot, ValueKind};

/// The slots with a key, and the values that are looked for.
pub(super) struct WantedSlots<'t> {
    key: u32,
    values: Sought<'t>,
    /// The code of the text that a string must be, if there is one: most values are strings.
    code: Option<u32>,
}

impl<'t> WantedSlots<'t> {
    /// None if no slot has the key.
    pub(super) fn new(rows: &Rows, key: &str, values: Sought<'t>) -> Option<Self> {
        let key = rows.find_text(key.as_bytes())?;
        let code = match values {
            Sought::TextForm(text) => rows.find_text(text.as_bytes()),
            Sought::Passing(_) => None,
        };
        Some(Self { key, values, code })
    }

    pub(super) fn has_key(&self, slot: Slot) -> bool {
        slot.key == self.key
    }

    /// The slots with the key, and where their words are.
    pub(super) fn places(&self, slots: &[Slot]) -> Vec<(usize, Slot)> {
        let mut at = 0;
        let mut places = Vec::new();
        for slot in slots {
            if self.has_key(*slot) {
                places.push((at, *slot));
            }
            at += slot.kind.words();
        }
        places
    }

    /// Whether the slot's attributes have no value, and that is looked for.
    pub(super) fn is_without_value(&self, slot: Slot) -> bool {
        slot.kind.words() == 0 && self.values.is(AnyValue::Unset)
    }

    /// Whether the value that these words begin with is looked for.
    pub(super) fn is(&self, rows: &Rows, slot: Slot, words: &[u32]) -> bool {
        use crate::rows::ValueKind::{Bool, Int, String};
        if let Sought::TextForm(text) = self.values {
            match (slot.kind, words) {
                (String, [code, ..]) => return Some(*code) == self.code,
                (kind @ (Bool | Int), _) if !may_be(kind, text) => return false,
                _ => {}
            }
        }
        match Wanted::of(slot.kind, self.values) {
            None => false,
            Some(Wanted::Any) => true,
            Some(Wanted::Text { is_wanted, .. }) => {
                words.first().is_some_and(|code| is_wanted(rows.text(*code)))
            }
            Some(Wanted::Number(is_wanted)) => match (slot.kind.words(), words) {
                (2, [low, high, ..]) => is_wanted(u64::from(*low) | u64::from(*high) << 32),
                (_, [word, ..]) => is_wanted(u64::from(*word)),
                _ => false,
            },
        }
    }
}

/// Whether the text looks like such a value; saves making ready for each row.
fn may_be(kind: ValueKind, text: &str) -> bool {
    match kind {
        ValueKind::Bool => matches!(text, "true" | "false"),
        _ => text.starts_with(|first: char| first == '-' || first.is_ascii_digit()),
    }
}
