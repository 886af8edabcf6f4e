//! One store, killed over and over by SIGKILL while it is written to, makes and merges segments
//! and replaces its manifest: an acknowledged export is there exactly once afterwards, one without
//! an answer not at all or once, each wholly.
//!
//! `SPOOR_ROUNDS` says how often, `SPOOR_SEED` repeats what is sent and when it is killed; how far
//! the process has come by then is up to the machine.
#![allow(clippy::unwrap_used)]

mod content;
mod figures;
mod ledger;
mod lives;
mod load;
mod making;
mod reading;
#[path = "../server/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with other tests")]
mod support;

use std::time::{Instant, UNIX_EPOCH};

use lives::Lives;

const ROUNDS: u64 = 50;

fn from_env(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_exports_are_there_once_after_kills_at_random_moments() {
    let rounds = from_env("SPOOR_ROUNDS").unwrap_or(ROUNDS);
    let now = || UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = from_env("SPOOR_SEED").unwrap_or_else(now);
    let began = Instant::now();
    let mut lives = Lives::new(seed);
    for _ in 0..rounds {
        lives.round().await;
    }
    let figures = lives.end().await;
    println!("{rounds} rounds of SPOOR_SEED={seed} in {:.1?}: {figures}", began.elapsed());
    figures.check(rounds);
}
