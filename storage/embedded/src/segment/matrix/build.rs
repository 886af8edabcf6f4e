use super::transpose::transpose;
use super::{Class, checksum, group_width};
use crate::segment::filter::Filters;

/// Writes the matrix of a class, page by page. `filters` has the filter of every block of the
/// segment.
pub(in crate::segment) fn put_class<E>(
    class: &Class,
    filters: &Filters,
    mut put: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let width = class.width();
    let mut page = Page::default();
    let mut number = 0;
    let mut rows_left = class.rows_of_page(0);
    let mut tiles = vec![[0; 64]; width.div_ceil(64)];
    for first_row in (0..class.bits).step_by(64) {
        for (blocks, tile) in class.blocks.chunks(64).zip(&mut tiles) {
            *tile = [0; 64];
            for (word, block) in tile.iter_mut().zip(blocks) {
                *word = filters.get(*block as usize).word(first_row as usize / 64);
            }
            transpose(tile);
        }
        for row in 0..64.min(class.bits - first_row) {
            for (group, tile) in tiles.iter().enumerate() {
                page.put(tile[row as usize], group_width(width, group));
            }
            rows_left -= 1;
            if rows_left == 0 {
                put(page.seal(class.page_number(number)))?;
                page.clear();
                number += 1;
                if number < class.pages() {
                    rows_left = class.rows_of_page(number);
                }
            }
        }
    }
    Ok(())
}

/// A page in the making.
#[derive(Debug, Default)]
struct Page {
    bytes: Vec<u8>,
    /// Bits that don't fill a byte yet, the lowest first.
    pending: u128,
    pending_bits: usize,
}

impl Page {
    /// Appends the lowest bits of a word; those above them are zero.
    fn put(&mut self, word: u64, count: usize) {
        self.pending |= u128::from(word) << self.pending_bits;
        self.pending_bits += count;
        let whole = self.pending_bits / 8;
        self.bytes.extend_from_slice(&self.pending.to_le_bytes()[..whole]);
        self.pending >>= whole * 8;
        self.pending_bits %= 8;
    }

    /// The page with its checksum.
    fn seal(&mut self, number: u64) -> &[u8] {
        if self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
        }
        let checksum = checksum(number, &self.bytes);
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.pending = 0;
        self.pending_bits = 0;
    }
}
