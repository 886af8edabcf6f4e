use super::transpose::transpose;
use super::{Class, bits_at, checked_rows, group_width};
use crate::segment::error::{Part, SegmentError};
use crate::segment::filter::Filters;
use crate::segment::source::Source;

/// What is read at a time.
const RUN_BYTES: usize = 64 * 1024;

/// Reads the filters of the blocks in some columns of a class, going through its pages once. With
/// each column comes the filter, still without a bit, that it is to become.
///
/// A damaged page makes its bits all ones: the filters pass more, but miss nothing. It is told to
/// `damaged`.
pub(in crate::segment) fn read_columns(
    source: &Source,
    class: &Class,
    columns: &[(usize, usize)],
    filters: &mut Filters,
    mut damaged: impl FnMut(SegmentError),
) -> Result<(), SegmentError> {
    let mut columns = Columns::new(class, columns, filters);
    let pages_at_a_time = (RUN_BYTES / class.page_len(0)).max(1) as u32;
    let mut run = Vec::new();
    for first in (0..class.pages()).step_by(pages_at_a_time as usize) {
        let end = class.pages().min(first.saturating_add(pages_at_a_time));
        let offset = class.page_offset(first);
        let len = (class.page_offset(end) - offset) as usize;
        source.read_into(&mut run, offset, len, Part::FilterPage(class.page_number(first)))?;
        for (page, bytes) in (first..end).zip(run.chunks(class.page_len(first))) {
            let number = class.page_number(page);
            let rows = checked_rows(number, bytes);
            if rows.is_none() {
                damaged(source.damaged(Part::FilterPage(number)));
            }
            for row in 0..class.rows_of_page(page) {
                columns.take_row(rows, row as usize * class.width());
            }
        }
    }
    Ok(())
}

/// Filters in the making, row by row.
struct Columns<'f> {
    filters: &'f mut Filters,
    groups: Vec<Group>,
    rows: u32,
    taken: u32,
}

/// 64 columns of which some are wanted.
struct Group {
    /// Its first column.
    first: usize,
    width: usize,
    tile: [u64; 64],
    /// Columns of the group, and the filter that each becomes.
    wanted: Vec<(usize, usize)>,
}

impl<'f> Columns<'f> {
    fn new(class: &Class, columns: &[(usize, usize)], filters: &'f mut Filters) -> Self {
        let mut groups: Vec<Group> = (0..class.width().div_ceil(64))
            .map(|group| Group {
                first: group * 64,
                width: group_width(class.width(), group),
                tile: [0; 64],
                wanted: Vec::new(),
            })
            .collect();
        for (column, filter) in columns {
            groups[column / 64].wanted.push((column % 64, *filter));
        }
        groups.retain(|group| !group.wanted.is_empty());
        Self { filters, groups, rows: class.bits, taken: 0 }
    }

    /// Takes the row that begins at this bit of a page; of a damaged page, ones.
    fn take_row(&mut self, page: Option<&[u8]>, bit: usize) {
        for group in &mut self.groups {
            group.tile[self.taken as usize % 64] = match page {
                Some(rows) => bits_at(rows, bit + group.first, group.width),
                None => u64::MAX,
            };
        }
        self.taken += 1;
        if self.taken.is_multiple_of(64) || self.taken == self.rows {
            self.turn();
        }
    }

    /// Moves the rows taken since the last time to the filters.
    fn turn(&mut self) {
        let index = (self.taken as usize - 1) / 64;
        for group in &mut self.groups {
            transpose(&mut group.tile);
            for (column, filter) in &group.wanted {
                self.filters.set_word(*filter, index, group.tile[*column]);
            }
            group.tile = [0; 64];
        }
    }
}
