//! What became of what was to be exported, and what is told of that which was lost.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use tracing::{info, warn};

/// The least time from one report of losses to the next.
const INTERVAL: Duration = Duration::from_secs(60);

/// The account of one signal.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// What is counted, in the plural.
    what: &'static str,
    /// How many may wait.
    pub capacity: usize,
    /// How many do.
    waiting: AtomicUsize,
    /// How many were handed to the exporter.
    handed: AtomicU64,
    /// How many did not fit into the queue.
    dropped: AtomicU64,
    /// How many the backend took.
    exported: AtomicU64,
    /// How many the exporter gave up.
    failed: AtomicU64,
    report: Mutex<Report>,
}

/// How many were lost on the way into the queue, and how many on the way out of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Losses {
    dropped: u64,
    failed: u64,
}

#[derive(Debug, Default)]
struct Report {
    /// When a loss was last told.
    told: Option<Instant>,
    /// All losses, as they were when last told.
    said: Losses,
    /// All losses, as they were when last told to be over.
    over: Losses,
    /// Whether the present ones were told.
    is_told: bool,
}

/// What the counts are, all since the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counts {
    pub waiting: u64,
    pub handed: u64,
    pub dropped: u64,
    pub exported: u64,
    pub failed: u64,
}

impl Ledger {
    pub fn new(what: &'static str, capacity: usize) -> Self {
        Self {
            what,
            capacity,
            waiting: AtomicUsize::default(),
            handed: AtomicU64::default(),
            dropped: AtomicU64::default(),
            exported: AtomicU64::default(),
            failed: AtomicU64::default(),
            report: Mutex::default(),
        }
    }

    /// Whether the queue has room for one more, which then is in it; one without room is lost.
    pub fn admit(&self) -> bool {
        let one_more = |waiting| (waiting < self.capacity).then_some(waiting + 1);
        if self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok() {
            return true;
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.tell_losses(&"the queue is full", Instant::now());
        false
    }

    /// As many leave the queue, if there is one. Returns how many were dropped until now.
    pub fn hand_over(&self, items: usize) -> u64 {
        let left = |waiting: usize| Some(waiting.saturating_sub(items));
        let _ = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, left);
        self.handed.fetch_add(items as u64, Ordering::Relaxed);
        self.dropped.load(Ordering::Relaxed)
    }

    /// An export of as many has ended; when it began, `dropped` were dropped.
    pub fn ended(&self, items: usize, result: &OTelSdkResult, dropped: u64, now: Instant) {
        match result {
            Ok(()) => {
                self.exported.fetch_add(items as u64, Ordering::Relaxed);
                // A backend that is too slow still loses some.
                if self.dropped.load(Ordering::Relaxed) == dropped {
                    self.tell_end(now);
                }
            }
            Err(error) => {
                self.failed.fetch_add(items as u64, Ordering::Relaxed);
                self.tell_losses(error, now);
            }
        }
    }

    /// Tells what is lost now that the process ends: what nobody was told of, and what did not leave
    /// in time.
    pub fn tell_rest(&self, result: &OTelSdkResult) {
        let counts = self.counts();
        let unsent = counts.waiting + counts.in_flight();
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let losses = self.losses();
        if unsent == 0 && losses == report.said {
            return;
        }
        let Losses { dropped, failed } = losses.since(report.over);
        drop(report);
        let what = self.what;
        match result {
            Err(error) => warn!(%error, unsent, dropped, failed, "{what} were lost at shutdown"),
            Ok(()) => warn!(unsent, dropped, failed, "{what} were lost"),
        }
    }

    pub fn counts(&self) -> Counts {
        Counts {
            waiting: self.waiting.load(Ordering::Relaxed) as u64,
            handed: self.handed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            exported: self.exported.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    fn losses(&self) -> Losses {
        Losses {
            dropped: self.dropped.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    fn tell_losses(&self, error: &dyn Display, now: Instant) {
        // Who cannot have the lock leaves telling to who has it: nobody waits here.
        let Ok(mut report) = self.report.try_lock() else { return };
        if !report.is_due(now) {
            return;
        }
        let losses = self.losses();
        *report = Report { told: Some(now), said: losses, is_told: true, ..*report };
        let Losses { dropped, failed } = losses.since(report.over);
        drop(report);
        let what = self.what;
        // It is no request's affair in whose thread it was noticed.
        let _no_span = Context::new().attach();
        warn!(parent: None, %error, dropped, failed, "{what} are lost until this changes");
    }

    fn tell_end(&self, now: Instant) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let losses = self.losses();
        if losses == report.over || !(report.is_told || report.is_due(now)) {
            return;
        }
        let Losses { dropped, failed } = losses.since(report.over);
        *report = Report { told: report.told, said: losses, over: losses, is_told: false };
        drop(report);
        let what = self.what;
        info!(parent: None, dropped, failed, "{what} are exported again");
    }
}

impl Counts {
    /// How many the exporter has under way.
    pub fn in_flight(&self) -> u64 {
        // They are not read at one time.
        self.handed.saturating_sub(self.exported + self.failed)
    }
}

impl Losses {
    fn since(self, before: Self) -> Self {
        Self { dropped: self.dropped - before.dropped, failed: self.failed - before.failed }
    }
}

impl Report {
    fn is_due(&self, now: Instant) -> bool {
        self.told.is_none_or(|told| now.duration_since(told) >= INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;
    use crate::testing::Telemetry;

    fn refused() -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("connection refused".to_owned()))
    }

    /// What is told when batches of three end so, at these seconds.
    fn told(batches: &[(u64, bool)]) -> Vec<String> {
        let telemetry = Telemetry::start();
        let ledger = Ledger::new("spans", 0);
        let start = Instant::now();
        for (second, arrives) in batches {
            let result = if *arrives { Ok(()) } else { refused() };
            ledger.ended(3, &result, 0, start + Duration::from_secs(*second));
        }
        telemetry.log_lines()
    }

    #[test]
    fn an_outage_is_told_when_it_begins_and_when_it_ends() {
        let batches = [(0, true), (1, false), (2, false), (3, true), (4, true)];
        let [began, ended] = told(&batches).try_into().unwrap();
        assert!(began.contains("WARN") && began.contains("connection refused"), "{began}");
        assert!(began.contains("spans are lost until this changes"), "{began}");
        assert!(began.ends_with("dropped=0 failed=3"), "{began}");
        assert!(ended.contains("spans are exported again dropped=0 failed=6"), "{ended}");
    }

    #[test]
    fn an_outage_that_lasts_is_told_once_a_minute() {
        let batches: Vec<(u64, bool)> = (0..=120).map(|second| (second, false)).collect();
        let losses: Vec<usize> = told(&batches)
            .iter()
            .map(|line| line.split("failed=").nth(1).unwrap().parse().unwrap())
            .collect();
        assert_eq!(losses, [3, 183, 363]);
    }

    #[test]
    fn outages_that_follow_one_another_are_told_as_one() {
        let batches: Vec<(u64, bool)> = (0..60).map(|second| (second, second % 2 == 1)).collect();
        assert_eq!(told(&batches).len(), 2);
        // The losses of those that nobody was told of are, in time.
        let again = told(&[&batches[..], &[(61, true)]].concat());
        assert!(again[2].contains("spans are exported again dropped=0 failed=87"), "{again:?}");
    }

    #[test]
    fn what_a_full_queue_drops_is_counted_and_told_together_with_what_fails() {
        let telemetry = Telemetry::start();
        let ledger = Ledger::new("spans", 2);
        assert_eq!([(); 5].map(|()| ledger.admit()), [true, true, false, false, false]);
        let dropped = ledger.hand_over(2);
        assert!(ledger.admit());
        let soon = Instant::now() + INTERVAL;
        ledger.ended(2, &refused(), dropped, soon);
        let expected = Counts { waiting: 1, handed: 2, dropped: 3, exported: 0, failed: 2 };
        assert_eq!(ledger.counts(), expected);
        let [full, failed] = telemetry.log_lines().try_into().unwrap();
        assert!(full.contains("error=the queue is full dropped=1 failed=0"), "{full}");
        assert!(failed.ends_with("dropped=3 failed=2"), "{failed}");
    }

    #[test]
    fn losses_are_over_once_a_batch_arrives_while_nothing_is_dropped() {
        let telemetry = Telemetry::start();
        let ledger = Ledger::new("spans", 1);
        assert_eq!([ledger.admit(), ledger.admit()], [true, false]);
        let before = ledger.hand_over(1);
        assert_eq!([ledger.admit(), ledger.admit()], [true, false]);
        ledger.ended(1, &Ok(()), before, Instant::now());
        assert_eq!(telemetry.log_lines().len(), 1);
        let before = ledger.hand_over(1);
        ledger.ended(1, &Ok(()), before, Instant::now());
        let lines = telemetry.log_lines();
        assert!(lines[1].contains("spans are exported again dropped=2 failed=0"), "{lines:?}");
    }

    #[test]
    fn a_loss_is_told_in_no_requests_name() {
        let telemetry = Telemetry::start();
        let ledger = Ledger::new("spans", 0);
        tracing::info_span!("request").in_scope(|| assert!(!ledger.admit()));
        let [line] = telemetry.log_lines().try_into().unwrap();
        assert!(!line.contains("trace_id"), "{line}");
        assert_eq!(telemetry.ended()[0].events.len(), 0);
    }

    #[test]
    fn the_end_tells_what_nobody_was_told_of_and_what_did_not_leave() {
        let timeout = Err(OTelSdkError::Timeout(Duration::from_secs(3)));
        for (capacity, spans, result, expected) in [
            (0, 0, Ok(()), None),
            (0, 1, Ok(()), None),
            (0, 2, Ok(()), Some("spans were lost unsent=0 dropped=2 failed=0")),
            (1, 1, timeout, Some("unsent=1 dropped=0 failed=0")),
        ] {
            let telemetry = Telemetry::start();
            let ledger = Ledger::new("spans", capacity);
            (0..spans).for_each(|_| _ = ledger.admit());
            let before = telemetry.log_lines().len();
            ledger.tell_rest(&result);
            let told = telemetry.log_lines().split_off(before).pop();
            assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().ends_with(expected.unwrap_or_default()));
        }
    }
}
