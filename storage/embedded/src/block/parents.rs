//! Parents as distances inside a trace, and starts as differences to the parent's.

use super::bytes::{Invalid, unzigzag, zigzag};

/// A row without a parent in the block.
pub(crate) const NONE: u32 = u32::MAX;

/// A parent whose span is not in the block's part of the trace. Its id is stored.
pub(crate) const FOREIGN: u64 = 0;

/// What is stored for a parent.
pub(crate) fn code(row: u32, parent: u32) -> u64 {
    zigzag(i64::from(parent) - i64::from(row)) + 1
}

/// The parent of the row that this is stored for; not [`FOREIGN`].
pub(crate) fn parent(row: u32, code: u64, rows: u32) -> Result<u32, Invalid> {
    i64::from(row)
        .checked_add(unzigzag(code.wrapping_sub(1)))
        .and_then(|parent| u32::try_from(parent).ok())
        .filter(|parent| *parent < rows)
        .ok_or(Invalid("a parent lies outside of the block"))
}

/// Visits every row after its parent. `parents` gives each row's parent or [`NONE`].
///
/// `visit` is told the row and its parent. Parents may go round in circles: then one row of the
/// circle, always the same, is visited as if it had no parent.
pub(crate) fn for_each_after_parent(parents: &[u32], mut visit: impl FnMut(u32, Option<u32>)) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        OnPath,
        Done,
    }
    let mut states = vec![State::New; parents.len()];
    let mut path = Vec::new();
    for row in 0..parents.len() as u32 {
        // Go up until the way is known, ends or closes.
        let mut at = row;
        let above = loop {
            match states[at as usize] {
                State::Done => break Some(at),
                State::OnPath => break None,
                State::New => {}
            }
            states[at as usize] = State::OnPath;
            path.push(at);
            match parents[at as usize] {
                NONE => break None,
                parent => at = parent,
            }
        };
        let mut parent = above;
        while let Some(row) = path.pop() {
            states[row as usize] = State::Done;
            visit(row, parent);
            parent = Some(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(parents: &[u32]) -> Vec<(u32, Option<u32>)> {
        let mut visits = Vec::new();
        for_each_after_parent(parents, |row, parent| visits.push((row, parent)));
        visits
    }

    #[test]
    fn parents_come_before_their_children() {
        assert_eq!(visits(&[2, 0, NONE]), [(2, None), (0, Some(2)), (1, Some(0))]);
        assert_eq!(visits(&[NONE, NONE]), [(0, None), (1, None)]);
    }

    #[test]
    fn circles_are_cut_once() {
        assert_eq!(visits(&[0]), [(0, None)]);
        // 0 -> 1 -> 2 -> 0, and 3 -> 1.
        assert_eq!(visits(&[1, 2, 0, 1]), [(2, None), (1, Some(2)), (0, Some(1)), (3, Some(1))]);
    }

    #[test]
    fn codes_lead_back_to_parents() {
        for (row, other) in [(5, 4), (4, 5), (7, 7), (0, 99), (99, 0)] {
            assert_ne!(code(row, other), FOREIGN);
            assert_eq!(parent(row, code(row, other), 100), Ok(other));
        }
        assert!(parent(5, code(5, 100), 100).is_err());
        assert!(parent(0, 2, 100).is_err());
        assert!(parent(u32::MAX - 1, u64::MAX, 100).is_err());
    }
}
