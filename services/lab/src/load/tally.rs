//! What became of the requests, in few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reqwest::StatusCode;

use crate::output::Output;

/// Counts since the last report, and which services are down.
pub struct Tally {
    state: Mutex<State>,
    output: Output,
}

struct State {
    since: Instant,
    /// By what came of them.
    counts: BTreeMap<String, u64>,
    left_out: u64,
    down: BTreeSet<&'static str>,
}

impl Tally {
    /// Nothing yet; lines go to `output`.
    pub fn new(output: Output) -> Self {
        Self { state: Mutex::new(State::new(BTreeSet::new())), output }
    }

    /// Counts a request. That its service went down or came back is told at once.
    pub fn count(&self, service: &'static str, outcome: &reqwest::Result<StatusCode>) {
        let mut state = self.lock();
        let kind = match outcome {
            Ok(StatusCode::OK) => "ok".to_owned(),
            Ok(status) => format!("status {}", status.as_u16()),
            Err(error) if error.is_connect() => "not connected".to_owned(),
            Err(error) if error.is_timeout() => "timed out".to_owned(),
            Err(_) => "broken off".to_owned(),
        };
        if outcome.is_ok() && state.down.remove(service) {
            self.output.offer(format!("{service} answers again\n"));
        }
        if outcome.is_err() && state.down.insert(service) {
            self.output.offer(format!("{service} does not answer: {kind}\n"));
        }
        *state.counts.entry(kind).or_default() += 1;
    }

    /// Counts a request that was not sent, since too many were under way.
    pub fn left_out(&self) {
        self.lock().left_out += 1;
    }

    /// Tells the counts, unless there is nothing to tell, and begins anew.
    pub fn report(&self) {
        let mut state = self.lock();
        let down = state.down.clone();
        let last = std::mem::replace(&mut *state, State::new(down));
        if let Some(line) = last.line(last.since.elapsed().as_secs_f64()) {
            self.output.offer(line + "\n");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change leaves the counts whole, whatever its thread did next.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(down: BTreeSet<&'static str>) -> Self {
        Self { since: Instant::now(), counts: BTreeMap::new(), left_out: 0, down }
    }

    fn line(&self, seconds: f64) -> Option<String> {
        let sum: u64 = self.counts.values().sum();
        if sum + self.left_out == 0 {
            return None;
        }
        let rate = sum as f64 / seconds;
        let mut line = format!("{sum} requests in {seconds:.0} s, {rate:.1} a second:");
        for (kind, count) in &self.counts {
            let _ = write!(line, " {count} {kind},");
        }
        if self.left_out > 0 {
            let _ = write!(line, " {} left out, since too many were under way,", self.left_out);
        }
        line.pop();
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_the_rate_and_the_errors_by_kind() {
        let mut state = State::new(BTreeSet::new());
        assert_eq!(state.line(60.0), None);
        state.counts = [("ok", 100), ("status 500", 15), ("timed out", 5)]
            .map(|(kind, count)| (kind.to_owned(), count))
            .into();
        assert_eq!(
            state.line(60.0).unwrap(),
            "120 requests in 60 s, 2.0 a second: 100 ok, 15 status 500, 5 timed out"
        );
        state.left_out = 3;
        let line = state.line(60.0).unwrap();
        assert!(line.ends_with(", 3 left out, since too many were under way"), "{line}");
    }
}
