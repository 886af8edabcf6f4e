//! Heads that are in segments or were forgotten, but that reads began with and still hold.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::head::Head;

#[derive(Debug, Default)]
pub(crate) struct Retired(Mutex<Vec<Weak<Head>>>);

impl Retired {
    pub(crate) fn add(&self, head: &Arc<Head>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(head));
    }

    /// The memory of those that are held.
    pub(crate) fn bytes(&self) -> usize {
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heads.retain(|head| head.strong_count() > 0);
        heads.iter().filter_map(Weak::upgrade).map(|head| head.bytes()).sum()
    }
}
