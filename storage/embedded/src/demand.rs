use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How often one that waits calls again: who heard it may hold other things than what it waits for.
const CALL_EVERY: Duration = Duration::from_millis(200);

/// Calls for what others hold without using it. Each is heard by one of them.
#[derive(Clone, Debug, Default)]
pub struct Demand(Sender<Calls>);

#[derive(Debug, Default)]
struct Calls {
    /// Of those who wait now.
    open: usize,
    /// How many of them were heard.
    heard: usize,
}

/// The call of one that waits, which ends when dropped.
#[derive(Debug)]
pub struct Call<'d>(&'d Demand);

impl Demand {
    /// Takes one of what others hold; calls while there is none.
    pub async fn take(&self, from: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(from).try_acquire_owned() {
            return permit;
        }
        let mut permit = pin!(Arc::clone(from).acquire_owned());
        loop {
            let _call = self.call();
            if let Ok(permit) = timeout(CALL_EVERY, &mut permit).await {
                return permit.expect("the semaphore is never closed");
            }
        }
    }

    /// Calls for one to give up what it holds.
    pub fn call(&self) -> Call<'_> {
        self.0.send_modify(|calls| calls.open += 1);
        Call(self)
    }

    /// Waits until there is a call that nobody heard.
    pub async fn called(&self) {
        let mut calls = self.0.subscribe();
        let called = calls.wait_for(|calls| calls.open > calls.heard).await;
        called.expect("the sender is borrowed");
    }

    /// Hears a call, if there is one: for one that gives up what it holds.
    pub fn hear(&self) -> bool {
        self.0.send_if_modified(|calls| {
            let is_called = calls.open > calls.heard;
            calls.heard += usize::from(is_called);
            is_called
        })
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|calls| {
            calls.open -= 1;
            // Whether it was this one that was heard is not known. If it was another, that one may
            // be heard twice, which is better than not at all.
            calls.heard = calls.heard.saturating_sub(1);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_lasts_as_long_as_its_caller_waits() {
        let demand = Demand::default();
        let (first, second) = (demand.call(), demand.call());
        assert!(demand.hear());
        // Whichever of them it was, the other is still there to be heard.
        drop(first);
        assert!(demand.hear());
        assert!(!demand.hear());
        drop(second);
        assert!(!demand.hear());
        let _third = demand.call();
        assert!(demand.hear());
        assert!(!demand.hear());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_no_call() {
        let demand = Demand::default();
        let none = Arc::new(Semaphore::new(0));
        let waited = timeout(Duration::from_millis(10), demand.take(&none)).await;
        assert!(waited.is_err());
        assert!(!demand.hear());
    }

    #[tokio::test]
    async fn one_that_still_waits_calls_again() {
        let demand = Demand::default();
        let free = Arc::new(Semaphore::new(0));
        let give_up = async {
            // The first to hear it holds something else.
            for _ in 0..2 {
                demand.called().await;
                assert!(demand.hear());
            }
            free.add_permits(1);
        };
        let (permit, ()) = tokio::join!(demand.take(&free), give_up);
        drop(permit);
        assert!(!demand.hear());
    }
}
