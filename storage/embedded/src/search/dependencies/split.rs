use spoor_store::ReadError;

use super::places::Places;
use crate::bitmap::Bitmap;
use crate::budget::{Grant, List};

/// The traces that lie in several places, by the hashes of their ids.
pub(super) struct Split<'g> {
    grant: &'g Grant,
    /// Ascending.
    hashes: Vec<u64>,
    /// In how many places each is.
    places: Vec<u32>,
    held: List<'g>,
}

impl<'g> Split<'g> {
    pub(super) fn new(grant: &'g Grant) -> Self {
        Self { grant, hashes: Vec::new(), places: Vec::new(), held: grant.list() }
    }

    /// Finds those that are wanted, one of so many parts. Their hashes are greater than any found
    /// before.
    pub(super) fn find(
        &mut self,
        places: &Places<'_>,
        parts: u64,
        is_wanted: impl Fn(u64) -> bool,
    ) -> Result<(), ReadError> {
        let mut sorting = self.grant.list();
        // Parts are not quite equal.
        let expected = places.traces() / parts;
        let mut hashes = Vec::with_capacity((expected + expected / 32 + 64) as usize);
        sorting.resize(hashes.capacity() * size_of::<u64>())?;
        places.for_each_hash(|hash| {
            if is_wanted(hash) {
                hashes.push(hash);
            }
        })?;
        sorting.resize(hashes.capacity() * size_of::<u64>())?;
        self.add(&mut hashes)
    }

    /// Adds those that are there several times, once for each place. All are greater than any
    /// before.
    pub(super) fn add(&mut self, hashes: &mut [u64]) -> Result<(), ReadError> {
        hashes.sort_unstable();
        let split = || hashes.chunk_by(|a, b| a == b).filter(|equal| equal.len() > 1);
        let more = split().count();
        self.held.resize(bytes(self.len() + more))?;
        self.hashes.reserve_exact(more);
        self.places.reserve_exact(more);
        for equal in split() {
            self.hashes.push(equal[0]);
            self.places.push(equal.len() as u32);
        }
        Ok(())
    }

    /// The number that a trace has among them, if it is one of them.
    pub(super) fn number(&self, hash: u64) -> Option<usize> {
        self.hashes.binary_search(&hash).ok()
    }

    /// In how many places a trace is, by its number.
    pub(super) fn places(&self, number: usize) -> u32 {
        self.places[number]
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// What they take.
    pub(super) fn bytes(&self) -> usize {
        bytes(self.len())
    }

    /// Forgets all but these, by their numbers. Their numbers change.
    pub(super) fn keep(&mut self, kept: &Bitmap) -> Result<(), ReadError> {
        let mut numbers = 0..self.len();
        self.hashes.retain(|_| numbers.next().is_some_and(|number| kept.contains(number)));
        let mut numbers = 0..self.places.len();
        self.places.retain(|_| numbers.next().is_some_and(|number| kept.contains(number)));
        self.hashes.shrink_to_fit();
        self.places.shrink_to_fit();
        self.held.resize(self.bytes())
    }
}

/// What so many take, with a bit for each that is postponed.
fn bytes(split: usize) -> usize {
    split * (size_of::<u64>() + size_of::<u32>()) + split / 8
}
