//! Guessing that a span looks like the last ones of its name and origin: comparing with what is
//! guessed costs less than looking it up.

use super::Slot;
use super::texts::Texts;

/// The last two rows of some names and origins, the last one first.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    rows: Vec<[u32; 2]>,
}

/// Names with origins that are told apart.
const ROWS: usize = 1_024;

/// What the attributes of a message may look like: slots, and the words of their values in two
/// messages, if there are any to guess.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guess<'r> {
    slots: &'r [Slot],
    words: &'r [u32],
    words_before: &'r [u32],
}

/// An attribute whose key was guessed, maybe with the text of its value.
pub(super) struct Guessed {
    pub(super) key: u32,
    pub(super) text: Option<u32>,
}

impl Guesses {
    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<[u32; 2]>()
    }

    /// The last two rows of the name and the origin, or of others. Takes `row`, the next one, as
    /// the last from now on.
    pub(super) fn replace(&mut self, name: u32, origin: u32, row: u32) -> [u32; 2] {
        if self.rows.is_empty() {
            self.rows = vec![[row; 2]; ROWS];
        }
        // Names and origins are counted up: this spreads them.
        let index = (name ^ origin.wrapping_mul(0x9e37_79b1).rotate_right(22)) as usize % ROWS;
        let rows = &mut self.rows[index];
        std::mem::replace(rows, [row, rows[0]])
    }
}

impl<'r> Guess<'r> {
    /// Guesses keys alone.
    pub(super) fn of_keys(slots: &'r [Slot]) -> Self {
        Self { slots, words: &[], words_before: &[] }
    }

    /// Guesses values too: those that were the same in two messages with these slots. Other ones
    /// change often, and are looked up at once.
    pub(super) fn new(slots: &'r [Slot], words: [&'r [u32]; 2]) -> Self {
        Self { slots, words: words[0], words_before: words[1] }
    }

    /// The next attribute, if it has this key.
    #[inline]
    pub(super) fn next_if_key(&mut self, texts: &Texts, key: &[u8]) -> Option<Guessed> {
        let (slot, rest) = self.slots.split_first()?;
        if !texts.is(slot.key, key) {
            return None;
        }
        self.slots = rest;
        let text = self
            .words
            .first()
            .filter(|word| slot.kind.is_text() && self.words_before.first() == Some(word));
        let text = text.copied();
        self.skip_words(slot.kind.words());
        Some(Guessed { key: slot.key, text })
    }

    /// Goes on behind the attribute with this key, if there is one.
    pub(super) fn skip_past(&mut self, key: u32) {
        let Some(index) = self.slots.iter().position(|slot| slot.key == key) else { return };
        let (skipped, rest) = self.slots.split_at(index + 1);
        self.slots = rest;
        self.skip_words(skipped.iter().map(|slot| slot.kind.words()).sum());
    }

    fn skip_words(&mut self, count: usize) {
        self.words = self.words.get(count..).unwrap_or_default();
        self.words_before = self.words_before.get(count..).unwrap_or_default();
    }
}
