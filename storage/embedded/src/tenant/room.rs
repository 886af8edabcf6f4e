use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where the writer waits for room, and the maintenance for something to do.
#[derive(Debug, Default)]
pub(crate) struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Counts what either thread tells the other.
    turn: u64,
    stopped: bool,
}

impl Room {
    /// The present turn, for [`Room::wait`].
    pub(crate) fn turn(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).turn
    }

    /// Tells that something changed.
    pub(crate) fn tell(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).turn += 1;
        self.changed.notify_all();
    }

    /// Tells that there is nothing more to wait for.
    pub(crate) fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped
    }

    /// Waits until something was told since that turn, but not beyond the time. Tells whether
    /// there is a reason to look again: not after the time, nor once it is stopped.
    pub(crate) fn wait(&self, turn: u64, until: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.turn == turn && !state.stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }
}
