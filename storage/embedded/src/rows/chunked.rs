use std::ops::{Index, IndexMut};

/// Items by index, in chunks: what is pushed never moves again, so growing costs the same at any
/// size, and no moment needs twice the memory.
#[derive(Debug)]
pub(super) struct Chunked<T> {
    chunks: Vec<Vec<T>>,
    len: u32,
}

/// Items of a chunk. The first one grows to it, the others have room for all from the start.
const ITEMS: u32 = 1 << SHIFT;
const SHIFT: u32 = 10;

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Chunked<T> {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The memory held, in bytes, without what the items own.
    pub(super) fn bytes(&self) -> usize {
        let first = self.chunks.first().map_or(0, Vec::capacity);
        let others = self.chunks.len().saturating_sub(1) * ITEMS as usize;
        (first + others) * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.chunks.get((index >> SHIFT) as usize)?.get((index % ITEMS) as usize)
    }

    /// Appends an item and gives its index.
    #[inline]
    pub(super) fn push(&mut self, item: T) -> u32 {
        let index = self.len;
        if index.is_multiple_of(ITEMS) {
            self.add_chunk();
        }
        self.chunks[(index >> SHIFT) as usize].push(item);
        self.len += 1;
        index
    }

    #[cold]
    fn add_chunk(&mut self) {
        assert!(self.len <= u32::MAX - ITEMS, "the owner stops long before 2^32 items");
        let items = if self.chunks.is_empty() { 4 } else { ITEMS as usize };
        self.chunks.push(Vec::with_capacity(items));
    }
}

impl<T> Index<u32> for Chunked<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.chunks[(index >> SHIFT) as usize][(index % ITEMS) as usize]
    }
}

impl<T> IndexMut<u32> for Chunked<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.chunks[(index >> SHIFT) as usize][(index % ITEMS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_their_index_and_only_there() {
        let mut items = Chunked::default();
        assert_eq!((items.bytes(), items.get(0)), (0, None));
        for item in 0..5_000_u64 {
            assert_eq!(u64::from(items.push(item * 3)), item);
        }
        assert!((0..5_000).all(|index| items[index] == u64::from(index) * 3));
        assert_eq!((items.len(), items.get(4_999), items.get(5_000)), (5_000, Some(&14_997), None));
        let items_held = 5 * ITEMS as usize;
        assert!(items.bytes() >= items_held * 8 && items.bytes() < items_held * 8 + 1_000);
    }
}
