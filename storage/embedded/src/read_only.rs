use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Whether, and why, a store takes no writes at present.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    /// By the tenant's directory.
    reasons: Mutex<BTreeMap<String, String>>,
    /// One of them.
    shown: watch::Sender<Option<String>>,
}

impl Default for ReadOnly {
    fn default() -> Self {
        Self { reasons: Mutex::default(), shown: watch::Sender::new(None) }
    }
}

impl ReadOnly {
    /// A tenant takes no writes, for this reason. Tells whether it did before.
    pub(crate) fn set(&self, dir: &str, reason: &str) -> bool {
        self.change(|reasons| reasons.insert(dir.to_owned(), reason.to_owned()).is_none())
    }

    /// A tenant takes writes.
    pub(crate) fn clear(&self, dir: &str) {
        self.change(|reasons| drop(reasons.remove(dir)));
    }

    pub(crate) fn reason(&self) -> Option<String> {
        self.shown.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Option<String>> {
        self.shown.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> T {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut reasons);
        let reason = reasons.values().next();
        self.shown.send_if_modified(|shown| {
            let differs = shown.as_ref() != reason;
            if differs {
                *shown = reason.cloned();
            }
            differs
        });
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_takes_writes_again_once_every_tenant_does() {
        let read_only = ReadOnly::default();
        let watch = read_only.watch();
        read_only.set("b", "full");
        read_only.set("a", "failing");
        assert_eq!(read_only.reason().as_deref(), Some("failing"));
        read_only.clear("a");
        assert_eq!(read_only.reason().as_deref(), Some("full"));
        read_only.clear("b");
        assert!(watch.has_changed().unwrap());
        assert_eq!(*watch.borrow(), None);
    }
}
