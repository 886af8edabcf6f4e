use std::hash::{BuildHasher, Hasher};
use std::ops::Index;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::arena::Arena;
use super::chunked::Chunked;

/// Texts, each held once, by code. A text is any bytes.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Arena<u8>,
    /// Where the texts lie, by code.
    places: Chunked<Place>,
    codes: HashTable<u32>,
    hashes: DefaultHashBuilder,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    position: u32,
    len: u32,
}

impl Texts {
    pub(super) fn len(&self) -> u32 {
        self.places.len()
    }

    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.bytes() + self.places.bytes() + self.codes.allocation_size()
    }

    #[inline]
    pub(super) fn get(&self, code: u32) -> Option<&[u8]> {
        self.places.get(code).map(|place| self.at(*place))
    }

    /// Whether the code is of this text.
    #[inline]
    pub(super) fn is(&self, code: u32, text: &[u8]) -> bool {
        // The length first: then most other texts are not read at all.
        let place = self.places[code];
        place.len as usize == text.len() && self.at(place) == text
    }

    pub(super) fn find(&self, text: &[u8]) -> Option<u32> {
        self.codes.find(self.hash(text), |code| self.is(*code, text)).copied()
    }

    /// The code of a text, which is added if it is new.
    pub(super) fn intern(&mut self, text: &[u8]) -> u32 {
        let hash = self.hash(text);
        match self.codes.find(hash, |code| self.is(*code, text)) {
            Some(code) => *code,
            None => self.add(text, hash),
        }
    }

    fn add(&mut self, text: &[u8], hash: u64) -> u32 {
        if self.codes.len() == self.codes.capacity() {
            self.grow_table();
        }
        let (position, bytes) = self.bytes.room(text.len());
        bytes.extend_from_slice(text);
        let len = u32::try_from(text.len()).expect("a text is shorter than the message it came in");
        let code = self.places.push(Place { position, len });
        self.codes.insert_unique(hash, code, |_| unreachable!("the table has room"));
        code
    }

    /// Doubles the table, hashing the texts in the order in which they lie in memory: the table
    /// itself would visit them at random.
    #[cold]
    fn grow_table(&mut self) {
        // The old one goes first, as it tells nothing that is not known.
        let capacity = (2 * self.codes.capacity()).max(3);
        self.codes = HashTable::new();
        let mut codes = HashTable::with_capacity(capacity);
        for code in 0..self.len() {
            let hash = self.hash(&self[code]);
            codes.insert_unique(hash, code, |_| unreachable!("the table has room"));
        }
        self.codes = codes;
    }

    #[inline]
    fn hash(&self, text: &[u8]) -> u64 {
        let mut hasher = self.hashes.build_hasher();
        hasher.write(text);
        hasher.finish()
    }

    #[inline]
    fn at(&self, place: Place) -> &[u8] {
        &self.bytes.rest(place.position)[..place.len as usize]
    }
}

impl Index<u32> for Texts {
    type Output = [u8];

    #[inline]
    fn index(&self, code: u32) -> &[u8] {
        self.at(self.places[code])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_one_code_that_leads_back_to_it() {
        let mut texts = Texts::default();
        let mut all = vec![Vec::new(), vec![7; 127], vec![7; 128], vec![8; 70_000], vec![0; 3]];
        all.extend((0..20_000_u32).map(|number| number.to_string().into_bytes()));
        all.push(vec![9; 1 << 21]);
        for (code, text) in (0..).zip(&all) {
            assert_eq!(texts.find(text), None);
            assert_eq!(texts.intern(text), code);
        }
        for (code, text) in (0..).zip(&all) {
            assert_eq!((texts.intern(text), texts.find(text)), (code, Some(code)));
            assert_eq!(texts.get(code), Some(&text[..]));
        }
        assert_eq!((texts.len(), texts.get(texts.len())), (all.len() as u32, None));
    }

    #[test]
    fn no_texts_take_no_memory() {
        assert_eq!(Texts::default().bytes(), 0);
    }
}
