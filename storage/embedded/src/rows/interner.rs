use std::hash::{BuildHasher, Hash};
use std::ops::Index;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::chunked::Chunked;

/// Values of which there are few, each held once, by code.
#[derive(Debug)]
pub(super) struct Interner<T> {
    values: Chunked<T>,
    /// Hashes with codes.
    codes: HashTable<(u64, u32)>,
    hashes: DefaultHashBuilder,
    /// The bytes that the values own.
    owned: usize,
}

/// A value that owns memory.
pub(super) trait Owning {
    /// The bytes that it owns.
    fn owned_bytes(&self) -> usize;
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            values: Chunked::default(),
            codes: HashTable::new(),
            hashes: DefaultHashBuilder::default(),
            owned: 0,
        }
    }
}

impl<T: Owning> Interner<T> {
    pub(super) fn len(&self) -> u32 {
        self.values.len()
    }

    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.values.bytes() + self.codes.allocation_size() + self.owned
    }

    pub(super) fn get(&self, code: u32) -> Option<&T> {
        self.values.get(code)
    }

    /// The code of the value that `is` tells by `key`; it is made if it is new.
    pub(super) fn intern(
        &mut self,
        key: &impl Hash,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> u32 {
        let hash = self.hashes.hash_one(key);
        let values = &self.values;
        if let Some((_, code)) =
            self.codes.find(hash, |(other, code)| *other == hash && is(&values[*code]))
        {
            return *code;
        }
        let value = make();
        self.owned += value.owned_bytes();
        let code = self.values.push(value);
        self.codes.insert_unique(hash, (hash, code), |(hash, _)| *hash);
        code
    }
}

impl<T> Index<u32> for Interner<T> {
    type Output = T;

    fn index(&self, code: u32) -> &T {
        &self.values[code]
    }
}
