use std::ops::{Index, IndexMut};

/// Items by index, in chunks: what is pushed never moves again, so growing costs the same at any
/// size, and no moment needs twice the memory.
#[derive(Debug)]
pub(super) struct Chunked<T> {
    chunks: Vec<Vec<T>>,
    len: u32,
}

/// What a chunk takes at least, as in an [`super::arena::Arena`].
const CHUNK_BYTES: usize = 256 << 10;

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Chunked<T> {
    /// Items of a chunk. The first one grows to it, the others have room for all from the start.
    const ITEMS: u32 = 1 << Self::SHIFT;
    const SHIFT: u32 = CHUNK_BYTES.div_ceil(size_of::<T>()).next_power_of_two().ilog2();

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The memory held, in bytes, without what the items own.
    pub(super) fn bytes(&self) -> usize {
        let first = self.chunks.first().map_or(0, Vec::capacity);
        let others = self.chunks.len().saturating_sub(1) * Self::ITEMS as usize;
        (first + others) * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.chunks.get((index >> Self::SHIFT) as usize)?.get((index % Self::ITEMS) as usize)
    }

    /// Appends an item and gives its index.
    #[inline]
    pub(super) fn push(&mut self, item: T) -> u32 {
        let index = self.len;
        if index.is_multiple_of(Self::ITEMS) {
            self.add_chunk();
        }
        self.chunks[(index >> Self::SHIFT) as usize].push(item);
        self.len += 1;
        index
    }

    #[cold]
    fn add_chunk(&mut self) {
        assert!(self.len <= u32::MAX - Self::ITEMS, "the owner stops long before 2^32 items");
        let items = if self.chunks.is_empty() { 4 } else { Self::ITEMS as usize };
        self.chunks.push(Vec::with_capacity(items));
    }
}

impl<T> Index<u32> for Chunked<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.chunks[(index >> Self::SHIFT) as usize][(index % Self::ITEMS) as usize]
    }
}

impl<T> IndexMut<u32> for Chunked<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.chunks[(index >> Self::SHIFT) as usize][(index % Self::ITEMS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_their_index_and_only_there() {
        let mut items = Chunked::default();
        assert_eq!((items.bytes(), items.get(0)), (0, None));
        let count = 3 * Chunked::<u64>::ITEMS + 1;
        for item in 0..u64::from(count) {
            assert_eq!(u64::from(items.push(item * 3)), item);
        }
        assert!((0..count).all(|index| items[index] == u64::from(index) * 3));
        assert_eq!((items.len(), items.get(count)), (count, None));
        let bytes_held = 4 * CHUNK_BYTES;
        assert!(items.bytes() >= bytes_held && items.bytes() < bytes_held + 1_000);
    }
}
