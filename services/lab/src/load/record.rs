//! What is known of a run while it goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::figures::Figures;
use super::request::Outcome;
use super::tally::Tally;
use crate::output::Output;

/// The counts of all its requests; what is new of them is told now and then.
pub struct Record {
    state: Mutex<State>,
    output: Output,
}

struct State {
    since: Instant,
    tally: Tally,
    figures: Figures,
}

impl Record {
    /// Nothing yet; lines go to `output`.
    pub fn new(output: Output) -> Self {
        let (tally, figures) = Default::default();
        Self { state: Mutex::new(State { since: Instant::now(), tally, figures }), output }
    }

    /// Counts a request. That its service went down or came back is told at once.
    pub fn count(&self, outcome: &Outcome) {
        let mut state = self.lock();
        state.figures.count(outcome);
        if let Some(note) = state.tally.count(outcome) {
            self.output.offer(note);
        }
    }

    /// Counts a request that was not sent, since too many were under way.
    pub fn crowded(&self) {
        let mut state = self.lock();
        state.tally.left_out.crowded += 1;
        state.figures.left_out.crowded += 1;
    }

    /// Counts those that were not sent in a pause of this program.
    pub fn paused(&self, count: u64) {
        let mut state = self.lock();
        state.tally.left_out.paused += count;
        state.figures.left_out.paused += count;
    }

    /// Tells what is new, at this interval.
    pub async fn report(&self, interval: Duration) {
        let begin = tokio::time::Instant::now() + interval;
        let mut due = tokio::time::interval_at(begin, interval);
        loop {
            due.tick().await;
            let mut state = self.lock();
            let since = std::mem::replace(&mut state.since, Instant::now());
            if let Some(line) = state.tally.report(since.elapsed()) {
                self.output.offer(line);
            }
        }
    }

    /// What `look` makes of all figures so far.
    pub fn read<T>(&self, look: impl FnOnce(&Figures) -> T) -> T {
        look(&self.lock().figures)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change leaves the counts whole, whatever its thread did next.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
