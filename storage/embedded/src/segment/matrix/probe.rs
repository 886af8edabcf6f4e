use super::{Class, bits_at, checked_rows, group_width};
use crate::bitmap::Bitmap;
use crate::segment::error::{Part, SegmentError};
use crate::segment::filter::positions;
use crate::segment::source::Source;

/// Asks the filters of a segment.
///
/// A page that can't be read or is damaged rules no block out, so an answer may have blocks too
/// many but never lacks one.
#[derive(Debug)]
pub(in crate::segment) struct Prober<'a> {
    source: &'a Source,
    classes: &'a [Class],
    page: Vec<u8>,
    /// Which page the buffer has.
    loaded: Option<u64>,
    /// The blocks of a class that are still candidates, by column.
    row: Vec<u64>,
    unread: Option<SegmentError>,
}

impl<'a> Prober<'a> {
    pub(in crate::segment) fn new(source: &'a Source, classes: &'a [Class]) -> Self {
        Self { source, classes, page: Vec::new(), loaded: None, row: Vec::new(), unread: None }
    }

    /// The blocks of `within` that may have the entry.
    pub(in crate::segment) fn probe(&mut self, hash: u64, within: &Bitmap) -> Bitmap {
        let mut found = Bitmap::none(within.len());
        for class in self.classes {
            self.row.clear();
            self.row.resize(class.width().div_ceil(64), 0);
            for (column, block) in class.blocks.iter().enumerate() {
                let candidate = u64::from(within.contains(*block as usize));
                self.row[column / 64] |= candidate << (column % 64);
            }
            for position in positions(hash, class.bits) {
                if self.row.iter().all(|word| *word == 0) {
                    break;
                }
                self.keep_those_of_row(class, position);
            }
            for (column, block) in class.blocks.iter().enumerate() {
                if self.row[column / 64] >> (column % 64) & 1 == 1 {
                    found.insert(*block as usize);
                }
            }
        }
        found
    }

    /// The first page that could not be used.
    pub(in crate::segment) fn into_unread(self) -> Option<SegmentError> {
        self.unread
    }

    fn keep_those_of_row(&mut self, class: &Class, row: u32) {
        let place = class.place(row);
        let number = class.page_number(place.page);
        if self.loaded != Some(number) {
            self.loaded = None;
            let (offset, len) = (class.page_offset(place.page), class.page_len(place.page));
            let part = Part::FilterPage(number);
            let read = self.source.read_into(&mut self.page, offset, len, part).and_then(|()| {
                checked_rows(number, &self.page).map(drop).ok_or_else(|| self.source.damaged(part))
            });
            if let Err(error) = read {
                self.unread.get_or_insert(error);
                return;
            }
            self.loaded = Some(number);
        }
        for (group, word) in self.row.iter_mut().enumerate() {
            let count = group_width(class.width(), group);
            *word &= bits_at(&self.page, place.bit + group * 64, count);
        }
    }
}
