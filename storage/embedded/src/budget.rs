//! The memory of reads: a number of bytes that all of them share.
//!
//! A read waits for a working set, which has a fixed size, before it begins, and holds it to its
//! end. Each stage stays inside of it: blocks are read a few at a time, spans are put together
//! fragment by fragment, and few fragments wait for the caller. What grows with the answer (lists
//! of traces, names, calls) goes on to a part that is kept for that, and nobody ever waits for
//! more: it is there, or the read ends with an error. So no read waits for one that waits for it.
//! Who waits for a working set calls for those of answers that nobody reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use spoor_store::ReadError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::{Instrument, info_span};

use crate::demand::Demand;
use crate::metrics::Metrics;

/// What a read takes at one time, the lists of most queries included.
pub(crate) const WORKING_SET: usize = 4 << 20;

/// What a read's lists take before they go on to the part that is kept for large ones.
const OWN_LISTS: usize = 1 << 20;

/// What a refused read is told to wait before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The bytes that reads share.
#[derive(Debug)]
pub(crate) struct ReadBudget {
    /// Working sets.
    sets: Arc<Semaphore>,
    most_sets: usize,
    /// What large lists have together, and what of it they take. A single query may have all.
    large: usize,
    large_taken: AtomicUsize,
    wait: Duration,
    demand: Demand,
    metrics: Arc<Metrics>,
}

impl ReadBudget {
    /// Of so many bytes, at least two working sets. A read waits for at most `wait`.
    pub(crate) fn new(bytes: usize, wait: Duration, metrics: Arc<Metrics>) -> Self {
        let large = bytes / 4;
        let most_sets = (bytes - large) / WORKING_SET;
        let sets = Arc::new(Semaphore::new(most_sets));
        let (large_taken, demand) = (AtomicUsize::new(0), Demand::default());
        Self { sets, most_sets, large, large_taken, wait, demand, metrics }
    }

    /// The bytes that are granted at present.
    pub(crate) fn granted(&self) -> usize {
        let sets = self.most_sets - self.sets.available_permits();
        sets * WORKING_SET + self.large_taken.load(Relaxed)
    }

    /// Waits for a working set.
    pub(crate) async fn grant(self: &Arc<Self>) -> Result<Arc<Grant>, ReadError> {
        let set = timeout(self.wait, self.demand.take(&self.sets));
        let set = set.instrument(info_span!("wait for memory")).await;
        let _set = set.map_err(|_| self.overloaded())?;
        Ok(Arc::new(Grant { budget: Arc::clone(self), lists: AtomicUsize::new(0), _set }))
    }

    /// The calls of reads that wait for a working set.
    pub(crate) fn demand(&self) -> Demand {
        self.demand.clone()
    }

    fn take_large(&self, bytes: usize) -> Result<(), ReadError> {
        let add = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= self.large);
        let taken = self.large_taken.fetch_update(Relaxed, Relaxed, add);
        taken.map(drop).map_err(|_| self.overloaded())
    }

    fn overloaded(&self) -> ReadError {
        self.metrics.read_refused("overloaded");
        let reason = "other queries have all of the memory that there is for them".to_owned();
        ReadError::Overloaded { reason, retry_after: RETRY_AFTER }
    }

    fn too_large(&self) -> ReadError {
        self.metrics.read_refused("too_large");
        let most = self.large + OWN_LISTS;
        ReadError::TooLarge(format!(
            "what it looks at takes more than the {most} bytes of memory that a query may have: \
             ask for fewer traces, for less time, or for something rarer"
        ))
    }
}

/// A read's part of the budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Grant {
    budget: Arc<ReadBudget>,
    /// What its lists take. Only the read itself changes it.
    lists: AtomicUsize,
    _set: OwnedSemaphorePermit,
}

impl Grant {
    /// What its lists may take together, if no other read has it.
    pub(crate) fn most(&self) -> usize {
        self.budget.large + OWN_LISTS
    }

    /// A list that takes nothing yet.
    pub(crate) fn list(&self) -> List<'_> {
        List { grant: self, bytes: 0 }
    }

    fn resize(&self, before: usize, after: usize) -> Result<(), ReadError> {
        let all_before = self.lists.load(Relaxed);
        let all = (all_before - before).saturating_add(after);
        let large = |all: usize| all.saturating_sub(OWN_LISTS);
        if large(all) > self.budget.large {
            return Err(self.budget.too_large());
        }
        match large(all).checked_sub(large(all_before)) {
            Some(more) => self.budget.take_large(more)?,
            None => {
                self.budget.large_taken.fetch_sub(large(all_before) - large(all), Relaxed);
            }
        }
        self.lists.store(all, Relaxed);
        Ok(())
    }
}

/// Memory that grows with what a read finds, given back when dropped.
#[derive(Debug)]
pub(crate) struct List<'g> {
    grant: &'g Grant,
    bytes: usize,
}

impl List<'_> {
    /// It takes so many bytes from now on.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), ReadError> {
        self.grant.resize(self.bytes, bytes)?;
        self.bytes = bytes;
        Ok(())
    }

    /// It takes so many bytes from now on, or all that a query may have: what is too large for
    /// any query is still looked at by one at a time.
    pub(crate) fn resize_to_fit(&mut self, bytes: usize) -> Result<(), ReadError> {
        let others = self.grant.lists.load(Relaxed) - self.bytes;
        let most = self.grant.most().saturating_sub(others);
        self.resize(bytes.min(most))
    }

    /// It takes so many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ReadError> {
        self.resize(self.bytes.saturating_add(bytes))
    }
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        // To take less is always possible.
        let _ = self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(50);

    fn budget(bytes: usize) -> Arc<ReadBudget> {
        Arc::new(ReadBudget::new(bytes, WAIT, Arc::default()))
    }

    #[tokio::test]
    async fn a_read_waits_for_a_working_set_and_is_then_told_when_to_retry() {
        let budget = budget(4 * WORKING_SET);
        let mut grants = Vec::new();
        for _ in 0..3 {
            grants.push(budget.grant().await.unwrap());
        }
        match budget.grant().await {
            Err(ReadError::Overloaded { retry_after, .. }) => assert!(retry_after > WAIT),
            other => panic!("{other:?}"),
        }
        let (waiting, ()) = tokio::join!(budget.grant(), async { drop(grants.pop()) });
        waiting.unwrap();
        drop(grants);
        assert_eq!(budget.granted(), 0);
    }

    #[tokio::test]
    async fn lists_take_what_is_there_and_no_more() {
        let budget = budget(4 * WORKING_SET);
        let (first, second) = (budget.grant().await.unwrap(), budget.grant().await.unwrap());
        let sets = budget.granted();
        let (mut one, mut other) = (first.list(), second.list());
        one.resize(OWN_LISTS).unwrap();
        assert_eq!(budget.granted(), sets);
        one.grow(WORKING_SET - 10).unwrap();
        assert_eq!(budget.granted(), sets + WORKING_SET - 10);
        // No query may ever have more.
        assert!(matches!(one.grow(11), Err(ReadError::TooLarge(_))));
        // Another one may, but not now.
        let refused = other.resize(OWN_LISTS + 11);
        assert!(matches!(refused, Err(ReadError::Overloaded { .. })), "{refused:?}");
        one.resize(OWN_LISTS / 2).unwrap();
        let mut more = first.list();
        more.resize(OWN_LISTS).unwrap();
        assert_eq!(budget.granted(), sets + OWN_LISTS / 2);
        drop((one, more));
        assert_eq!(budget.granted(), sets);
        other.resize(OWN_LISTS + 11).unwrap();
        drop(other);
        drop((first, second));
        assert_eq!(budget.granted(), 0);
    }
}
