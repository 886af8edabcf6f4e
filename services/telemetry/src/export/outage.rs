//! What is told of a backend that takes nothing.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tracing::{info, warn};

/// The least time from one report of a failure to the next.
const INTERVAL: Duration = Duration::from_secs(60);

/// An exporter whose failures are told now and then, rather than once a batch.
#[derive(Debug)]
pub(super) struct Reporting<E> {
    exporter: E,
    outage: Outage,
}

impl<E> Reporting<E> {
    /// `what` names what is exported.
    pub fn new(what: &'static str, exporter: E) -> Self {
        Self { exporter, outage: Outage { what, state: Mutex::default() } }
    }
}

impl<E: SpanExporter> SpanExporter for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.outage.exported(spans, &result, Instant::now());
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Reporting<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records = batch.iter().count();
        let result = self.exporter.export(batch).await;
        self.outage.exported(records, &result, Instant::now());
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[derive(Debug)]
struct Outage {
    what: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many were given up, and nobody was told that this is over.
    lost: usize,
    /// When a failure was last told.
    told: Option<Instant>,
    /// Whether the present outage was.
    is_told: bool,
}

impl Outage {
    fn exported(&self, items: usize, result: &OTelSdkResult, now: Instant) {
        let what = self.what;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = state.told.is_none_or(|told| now.duration_since(told) >= INTERVAL);
        match result {
            Err(error) => {
                state.lost += items;
                if is_due {
                    state.told = Some(now);
                    state.is_told = true;
                    let lost = state.lost;
                    warn!(%error, lost, "{what} cannot be exported and are lost until this changes");
                }
            }
            Ok(()) if state.lost > 0 && (state.is_told || is_due) => {
                info!(lost = state.lost, "{what} are exported again");
                *state = State { told: state.told, ..State::default() };
            }
            Ok(()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;
    use crate::testing::Telemetry;

    /// What is told when batches of three end so, at these seconds.
    fn told(batches: &[(u64, bool)]) -> Vec<String> {
        let telemetry = Telemetry::start();
        let outage = Outage { what: "spans", state: Mutex::default() };
        let start = Instant::now();
        for (second, arrives) in batches {
            let failure = || OTelSdkError::InternalFailure("connection refused".to_owned());
            let result = if *arrives { Ok(()) } else { Err(failure()) };
            outage.exported(3, &result, start + Duration::from_secs(*second));
        }
        telemetry.log_lines()
    }

    #[test]
    fn an_outage_is_told_when_it_begins_and_when_it_ends() {
        let batches = [(0, true), (1, false), (2, false), (3, true), (4, true)];
        let [began, ended] = told(&batches).try_into().unwrap();
        assert!(began.contains("WARN") && began.contains("connection refused"), "{began}");
        assert!(began.contains("spans cannot be exported"), "{began}");
        assert!(ended.contains("spans are exported again lost=6"), "{ended}");
    }

    #[test]
    fn an_outage_that_lasts_is_told_once_a_minute() {
        let batches: Vec<(u64, bool)> = (0..=120).map(|second| (second, false)).collect();
        let losses: Vec<usize> = told(&batches)
            .iter()
            .map(|line| line.split("lost=").nth(1).unwrap().parse().unwrap())
            .collect();
        assert_eq!(losses, [3, 183, 363]);
    }

    #[test]
    fn outages_that_follow_one_another_are_told_as_one() {
        let batches: Vec<(u64, bool)> = (0..60).map(|second| (second, second % 2 == 1)).collect();
        assert_eq!(told(&batches).len(), 2);
        // The losses of those that nobody was told of are, in time.
        let again = told(&[&batches[..], &[(61, true)]].concat());
        assert!(again[2].contains("spans are exported again lost=87"), "{again:?}");
    }
}
