use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::SortedKeys;
use crate::segment::SegmentError;

/// The union of sorted keys. In memory is one key of each, and what their readers need.
pub struct Merge<'a> {
    /// Each at a key that is yet to come or is the current one.
    heads: BinaryHeap<Head<'a>>,
    key: Vec<u8>,
    started: bool,
}

impl<'a> Merge<'a> {
    /// Merges these, none of which was advanced yet.
    ///
    /// # Errors
    /// When the first key of one can't be read.
    pub fn new(
        inputs: impl IntoIterator<Item = Box<dyn SortedKeys + 'a>>,
    ) -> Result<Self, SegmentError> {
        let mut heads = BinaryHeap::new();
        for mut input in inputs {
            if input.advance()? {
                heads.push(Head(input));
            }
        }
        Ok(Self { heads, key: Vec::new(), started: false })
    }
}

impl SortedKeys for Merge<'_> {
    fn advance(&mut self) -> Result<bool, SegmentError> {
        while let Some(mut head) = self.heads.peek_mut() {
            if !self.started || head.0.key() != self.key {
                self.started = true;
                self.key.clear();
                self.key.extend_from_slice(head.0.key());
                return Ok(true);
            }
            if !head.0.advance()? {
                PeekMut::pop(head);
            }
        }
        self.key.clear();
        Ok(false)
    }

    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// Ordered so that the least key is the greatest head, which a heap gives first.
struct Head<'a>(Box<dyn SortedKeys + 'a>);

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.key().cmp(self.0.key())
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head<'_> {}

#[cfg(test)]
mod tests {
    use spoor_store::otlp::SpanKind;

    use super::super::Catalogue;
    use super::*;

    fn merged(catalogues: &[Catalogue]) -> Vec<Vec<u8>> {
        let inputs = catalogues.iter().map(|one| Box::new(one.operations()) as Box<dyn SortedKeys>);
        let mut merge = Merge::new(inputs).unwrap();
        let mut keys = Vec::new();
        while merge.advance().unwrap() {
            keys.push(merge.key().to_vec());
        }
        assert!(!merge.advance().unwrap());
        assert!(merge.key().is_empty());
        keys
    }

    #[test]
    fn the_union_is_sorted_and_has_each_key_once() {
        let mut catalogues = vec![Catalogue::default(); 5];
        let mut whole = Catalogue::default();
        for number in 0..1_000_usize {
            let name = format!("operation {}", number * 7919 % 400);
            catalogues[number * 31 % 4].add_operation("a", &name, SpanKind::Server);
            whole.add_operation("a", &name, SpanKind::Server);
        }
        assert_eq!(merged(&catalogues), merged(&[whole]));
    }

    #[test]
    fn nothing_merges_to_nothing() {
        assert!(merged(&[]).is_empty());
        assert!(merged(&vec![Catalogue::default(); 3]).is_empty());
    }
}
