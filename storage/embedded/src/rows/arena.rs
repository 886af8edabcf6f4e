/// Runs of items by position, in chunks: what is added never moves again, so growing costs the
/// same at any size, and no moment needs twice the memory.
///
/// A position is the number of a chunk and an offset in it. A run lies in one chunk; one that is
/// longer than a chunk gets a chunk of its length.
#[derive(Debug)]
pub(super) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    /// The items that the chunks have room for.
    capacity: usize,
}

/// What a chunk takes: large pieces go back to the system when they are freed, and leave no holes
/// among small ones.
const CHUNK_BYTES: usize = 256 << 10;

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), capacity: 0 }
    }
}

impl<T> Arena<T> {
    /// Items of a chunk. The first one grows to it, the others have room for all from the start.
    const ITEMS: usize = 1 << Self::SHIFT;
    const SHIFT: u32 = (CHUNK_BYTES / size_of::<T>()).ilog2();

    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.capacity * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }

    /// Where to append a run of this length, and the position that it will have.
    #[inline]
    pub(super) fn room(&mut self, len: usize) -> (u32, &mut Vec<T>) {
        let fits =
            |chunk: &Vec<T>| chunk.capacity() - chunk.len() >= len && chunk.len() < Self::ITEMS;
        if !self.chunks.last().is_some_and(fits) {
            self.grow(len);
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        // `grow` made sure that the number fits.
        ((number as u32) << Self::SHIFT | chunk.len() as u32, chunk)
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        if let [chunk] = &mut self.chunks[..]
            && chunk.len() < Self::ITEMS
            && chunk.len() + len <= Self::ITEMS
        {
            let before = chunk.capacity();
            let wanted = (2 * before).clamp(chunk.len() + len, Self::ITEMS);
            chunk.reserve_exact(wanted - chunk.len());
            self.capacity += chunk.capacity() - before;
            return;
        }
        assert!(self.chunks.len() < 1 << (u32::BITS - Self::SHIFT), "the owner stops long before");
        let items = if self.chunks.is_empty() { len } else { len.max(Self::ITEMS) };
        let chunk = Vec::with_capacity(items);
        self.capacity += chunk.capacity();
        self.chunks.push(chunk);
    }

    /// The items from this position to the end of their chunk; none where nothing is.
    #[inline]
    pub(super) fn rest(&self, position: u32) -> &[T] {
        let chunk = self.chunks.get((position >> Self::SHIFT) as usize);
        chunk.and_then(|chunk| chunk.get(position as usize % Self::ITEMS..)).unwrap_or_default()
    }

    /// The items between a position and the next one that was given out, if there was one.
    #[inline]
    pub(super) fn slice(&self, from: u32, next: Option<u32>) -> &[T] {
        let rest = self.rest(from);
        match next {
            Some(next) if next >> Self::SHIFT == from >> Self::SHIFT => {
                &rest[..(next - from) as usize]
            }
            _ => rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_length_are_found_by_their_position() {
        let lens = [0, 3, 60_000, 5_533, 0, 0, 70_000, 0, 2, 65_536, 0, 65_537, 9];
        let mut arena = Arena::<u32>::default();
        assert_eq!((arena.bytes(), arena.rest(7)), (0, &[][..]));
        let positions = lens.map(|len| {
            let (position, chunk) = arena.room(len);
            chunk.extend((0..len as u32).map(|item| item ^ len as u32));
            position
        });
        for (index, len) in lens.into_iter().enumerate() {
            let run = arena.slice(positions[index], positions.get(index + 1).copied());
            assert!(run.iter().copied().eq((0..len as u32).map(|item| item ^ len as u32)), "{len}");
        }
        let capacity: usize = arena.chunks.iter().map(Vec::capacity).sum();
        assert_eq!(arena.capacity, capacity);
    }

    #[test]
    fn a_few_items_take_little_memory() {
        let mut arena = Arena::<u8>::default();
        for _ in 0..100 {
            arena.room(3).1.extend([1, 2, 3]);
        }
        assert!(arena.bytes() < 800, "{}", arena.bytes());
    }
}
