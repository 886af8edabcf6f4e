//! The filters of a segment's blocks, stored so that one look at a few pages tells about all of
//! them.
//!
//! Blocks whose filters have the same number of bits make a class. A class is a matrix of bits:
//! column `c` is the filter of its block `c`, row `r` has bit `r` of each. Rows are stored one
//! after the other without padding, in pages of about 512 bytes, each with its checksum. Whether
//! an entry may be in the blocks of a class is told by the rows of its bits, joined by "and".

mod build;
mod columns;
mod probe;
mod transpose;

pub(super) use build::put_class;
pub(super) use columns::read_columns;
pub(super) use probe::Prober;

use super::error::{Part, SegmentError};
use super::source::Source;

/// The length of a page's checksum.
const CHECKSUM: usize = 4;

/// How many bits of rows a page of 512 bytes has room for.
const PAGE_BITS: usize = (512 - CHECKSUM) * 8;

/// The blocks whose filters have one number of bits, and where their matrix lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The number of rows.
    bits: u32,
    /// The block of each column, ascending.
    blocks: Vec<u32>,
    /// The number of its first page among the pages of all classes.
    first_page: u64,
    /// Where its first page begins in the file.
    offset: u64,
}

/// A row's place within its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    page: u32,
    /// The row's first bit in the page.
    bit: usize,
}

/// The classes of the blocks whose filters have these numbers of bits. The first class begins at
/// `offset` in the file.
///
/// Nothing but these numbers is needed to find a bit, so nothing else is stored.
pub(super) fn classes(filter_bits: &[u32], offset: u64) -> Vec<Class> {
    let mut order: Vec<u32> = (0..filter_bits.len() as u32).collect();
    order.sort_by_key(|block| filter_bits[*block as usize]);
    let mut classes: Vec<Class> = Vec::new();
    for blocks in order.chunk_by(|a, b| filter_bits[*a as usize] == filter_bits[*b as usize]) {
        let (first_page, offset) = match classes.last() {
            Some(class) => (class.first_page + u64::from(class.pages()), class.end()),
            None => (0, offset),
        };
        let bits = filter_bits[blocks[0] as usize];
        classes.push(Class { bits, blocks: blocks.to_vec(), first_page, offset });
    }
    classes
}

impl Class {
    /// The block of each column, ascending.
    pub(super) fn blocks(&self) -> &[u32] {
        &self.blocks
    }

    /// Where its last page ends in the file.
    pub(super) fn end(&self) -> u64 {
        self.page_offset(self.pages())
    }

    /// Reads every page, and tells each that is damaged or can't be read.
    pub(super) fn check(&self, source: &Source, report: &mut dyn FnMut(SegmentError)) {
        let mut bytes = Vec::new();
        for page in 0..self.pages() {
            let number = self.page_number(page);
            let part = Part::FilterPage(number);
            let (offset, len) = (self.page_offset(page), self.page_len(page));
            match source.read_into(&mut bytes, offset, len, part) {
                Ok(()) if checked_rows(number, &bytes).is_some() => {}
                Ok(()) => report(source.damaged(part)),
                Err(error) => report(error),
            }
        }
    }

    /// The bits of a row.
    fn width(&self) -> usize {
        self.blocks.len()
    }

    /// A row wider than a page makes a larger page of its own.
    fn rows_per_page(&self) -> u32 {
        (PAGE_BITS / self.width()).max(1) as u32
    }

    fn pages(&self) -> u32 {
        self.bits.div_ceil(self.rows_per_page())
    }

    fn rows_of_page(&self, page: u32) -> u32 {
        self.rows_per_page().min(self.bits - page * self.rows_per_page())
    }

    /// The length of a page with its checksum.
    fn page_len(&self, page: u32) -> usize {
        self.page_len_of(self.rows_of_page(page))
    }

    fn page_len_of(&self, rows: u32) -> usize {
        (rows as usize * self.width()).div_ceil(8) + CHECKSUM
    }

    /// Where a page begins in the file; for the page after the last one, where that ends.
    fn page_offset(&self, page: u32) -> u64 {
        let full_page = self.page_len_of(self.rows_per_page()) as u64;
        if page < self.pages() {
            return self.offset + u64::from(page) * full_page;
        }
        let last = self.pages() - 1;
        self.offset + u64::from(last) * full_page + self.page_len(last) as u64
    }

    fn place(&self, row: u32) -> Place {
        let page = row / self.rows_per_page();
        Place { page, bit: (row % self.rows_per_page()) as usize * self.width() }
    }

    /// The page's number among those of all classes.
    fn page_number(&self, page: u32) -> u64 {
        self.first_page + u64::from(page)
    }
}

/// The checksum of a page. Its number is part of it, so that a page in another's place is damage
/// too.
fn checksum(page_number: u64, rows: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&page_number.to_le_bytes());
    hasher.update(rows);
    hasher.finalize()
}

/// The rows of a page, if its checksum is right.
fn checked_rows(page_number: u64, page: &[u8]) -> Option<&[u8]> {
    let (rows, stored) = page.split_last_chunk::<CHECKSUM>()?;
    (checksum(page_number, rows) == u32::from_le_bytes(*stored)).then_some(rows)
}

/// Up to 64 bits of a page, the lowest first. What lies beyond the page's end is zero.
fn bits_at(rows: &[u8], bit: usize, count: usize) -> u64 {
    let byte = bit / 8;
    let mut window = [0; 16];
    let available = &rows[byte.min(rows.len())..rows.len().min(byte + 9)];
    window[..available.len()].copy_from_slice(available);
    let bits = (u128::from_le_bytes(window) >> (bit % 8)) as u64;
    bits & (u64::MAX >> (64 - count))
}

/// How many bits of a row of this width belong to its group of 64, which is not empty.
fn group_width(width: usize, group: usize) -> usize {
    (width - group * 64).min(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_each_other_without_gaps() {
        let classes = classes(&[128, 64, 128, 64, 64, 91], 1_000);
        let blocks: Vec<_> = classes.iter().map(|class| class.blocks.clone()).collect();
        assert_eq!(blocks, [vec![1, 3, 4], vec![5], vec![0, 2]]);
        assert_eq!(classes[0].offset, 1_000);
        // 64 rows of 3 bits, 91 of 1, 128 of 2; each in one page.
        assert_eq!(classes[0].end(), 1_000 + 24 + 4);
        assert_eq!(classes[1].end(), classes[0].end() + 12 + 4);
        assert_eq!(classes[2].end(), classes[1].end() + 32 + 4);
        assert_eq!(classes[2].first_page, 2);
    }

    #[test]
    fn rows_of_any_width_have_their_place() {
        for blocks in [1, 7, 63, 64, 65, 4_064, 4_065, 10_000] {
            let class = &classes(&vec![5_000; blocks], 0)[0];
            let mut seen = 0;
            for page in 0..class.pages() {
                for row in 0..class.rows_of_page(page) {
                    let place = class.place(seen);
                    assert_eq!(place, Place { page, bit: row as usize * blocks });
                    seen += 1;
                }
                assert!((place_end(class, page)).div_ceil(8) + CHECKSUM == class.page_len(page));
            }
            assert_eq!(seen, 5_000);
        }
    }

    fn place_end(class: &Class, page: u32) -> usize {
        class.rows_of_page(page) as usize * class.width()
    }

    #[test]
    fn bits_are_read_at_any_place() {
        let rows: Vec<u8> = (0..40).map(|byte: u8| byte.wrapping_mul(37)).collect();
        let bit = |at: usize| u64::from(rows.get(at / 8).is_some_and(|b| b >> (at % 8) & 1 == 1));
        for start in 0..rows.len() * 8 {
            for count in [1, 7, 31, 63, 64] {
                let expected = (0..count).map(|i| bit(start + i) << i).sum::<u64>();
                assert_eq!(bits_at(&rows, start, count), expected);
            }
        }
    }
}
