use std::fmt;
use std::time::Duration;

use super::making::Making;

/// What happened, as far as it was seen.
#[derive(Debug, Default)]
pub struct Figures {
    pub acknowledged: u64,
    pub settled: Settled,
    pub rotations: u64,
    flushes: u64,
    compactions: u64,
    manifests: u64,
    pub purges: u64,
    /// Processes that were killed before they were open.
    pub killed_early: u64,
    /// What was being made at kills, in the order of [`Making`].
    killed_making: [u64; 3],
    /// Files that `spoor check` found, which the manifest had not yet or no more.
    left_files: u64,
    torn_logs: u64,
    /// From the program's start until it serves, at most.
    pub opening: Duration,
}

/// What became of exports that nobody acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    pub found: u64,
    pub not_found: u64,
}

impl Settled {
    pub fn count(&mut self, is_there: bool) {
        *(if is_there { &mut self.found } else { &mut self.not_found }) += 1;
    }

    pub fn add(&mut self, other: Self) {
        self.found += other.found;
        self.not_found += other.not_found;
    }
}

impl Figures {
    /// Takes the counters of a process.
    pub fn read(&mut self, metrics: &str) {
        let value = |series: &str| {
            let line =
                metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        self.flushes = value("spoor_store_task_duration_seconds_count{task=\"flush\"}");
        self.compactions = value("spoor_store_task_duration_seconds_count{task=\"compaction\"}");
        self.manifests = value("spoor_store_sync_duration_seconds_count{file=\"manifest\"}");
    }

    /// Of a process that found so many logs.
    pub fn count_rotations(&mut self, logs: u64) {
        // Each head that is flushed was found, or was frozen by a rotation.
        self.rotations = self.flushes.saturating_sub(logs);
    }

    pub fn killed_making(&mut self, what: Option<Making>) {
        if let Some(what) = what {
            self.killed_making[what as usize] += 1;
        }
    }

    /// Takes what `spoor check` printed.
    pub fn checked(&mut self, text: &str) {
        for line in text.lines() {
            self.torn_logs += u64::from(line.contains("a crash tore"));
            let is_left = line.contains("a crash left it");
            self.left_files += u64::from(is_left && !line.contains("/tmp-"));
        }
    }

    /// Adds what a process did.
    pub fn add(&mut self, process: &Self) {
        self.acknowledged += process.acknowledged;
        self.rotations += process.rotations;
        self.flushes += process.flushes;
        self.compactions += process.compactions;
        self.manifests += process.manifests;
        self.purges += process.purges;
    }

    /// Expects that enough happened for the test to tell something: a third, about, of what does
    /// on a busy machine.
    pub fn check(&self, rounds: u64) {
        let Settled { found, not_found } = self.settled;
        let [manifest, flushed, merged] = self.killed_making;
        for (what, count, least) in [
            ("exports found that nobody acknowledged", found, rounds / 5),
            ("exports not found", not_found, rounds),
            ("rotations", self.rotations, rounds / 4),
            ("flushes", self.flushes, rounds),
            ("compactions", self.compactions, rounds / 10),
            ("manifests", self.manifests, rounds),
            ("purges", self.purges, rounds / 50),
            ("kills while opening", self.killed_early, rounds / 20),
            ("kills while a manifest was made", manifest, rounds / 10),
            ("kills while a segment of a head was made", flushed, rounds / 10),
            ("kills while a segment of others was made", merged, rounds / 50),
            ("files that only the old or the new manifest has", self.left_files, rounds / 100),
        ] {
            assert!(count >= least, "{count} {what} in {rounds} rounds, of {least} at least");
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, rotations, flushes, compactions, manifests, purges, .. } = self;
        let Self { settled, killed_early, left_files, torn_logs, opening, .. } = self;
        let Settled { found, not_found } = settled;
        let [manifest, flushed, merged] = self.killed_making;
        write!(
            f,
            "{acknowledged} exports acknowledged; of the others {found} found and {not_found} \
             not; at least {rotations} rotations, {flushes} flushes, {compactions} compactions, \
             {manifests} manifests, {purges} purges; killed {killed_early} times while opening, \
             {manifest} while a manifest was made, {flushed} a segment of a head, {merged} one of \
             others; \
             `spoor check` found {left_files} other leftovers, {torn_logs} torn logs; open \
             after {opening:.0?} at most"
        )
    }
}
