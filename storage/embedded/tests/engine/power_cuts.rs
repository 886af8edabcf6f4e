use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_embedded::disk::{Fault, SimulatedDisk};
use spoor_embedded::{Durability, EmbeddedStore, Options};

use crate::support::exports::{Exports, exports_in};
use crate::support::from_env;
use crate::support::stores::{now, open, open_with, small};

const SEEDS: u64 = 50;
const WRITERS: u64 = 4;
const LONG: Duration = Duration::from_secs(3_600);

/// What was acknowledged when the power went is there exactly once; of what was on its way each
/// export is there wholly or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_exports_outlive_power_cuts_at_random_moments() {
    match from_env("SPOOR_SEED") {
        Some(seed) => cut_under_load(seed).await,
        None => {
            let first = now();
            for seed in 0..from_env("SPOOR_SEEDS").unwrap_or(SEEDS) {
                cut_under_load(first + seed).await;
            }
        }
    }
}

/// Several lives of one store, each ended by a power cut.
async fn cut_under_load(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let numbers = Arc::new(AtomicU64::new(1));
    let exports = Arc::new(Exports::default());
    let mut disk = SimulatedDisk::new(seed);
    for life in 0..4 {
        let context = format!("life {life} of SPOOR_SEED={seed}");
        let store = Arc::new(open(&disk));
        let is_over = Arc::new(AtomicBool::new(false));
        let writers = (0..WRITERS).map(|writer| {
            let (store, exports) = (Arc::clone(&store), Arc::clone(&exports));
            let (numbers, is_over) = (Arc::clone(&numbers), Arc::clone(&is_over));
            tokio::spawn(write_until(is_over, store, exports, numbers, writer == 0))
        });
        let writers: Vec<_> = writers.collect();
        let at = disk.calls() + random.random_range(1..300);
        if random.random() {
            // From this call on nothing is done any more.
            disk.fail_from(at, Fault::Io);
        }
        while disk.calls() < at {
            tokio::task::yield_now().await;
        }
        // In this order: what is acknowledged after the cut need not be there, and what begins
        // before it may be.
        let acknowledged = exports.now();
        let cut = disk.power_cut(random.random());
        let begun = exports.now();
        is_over.store(true, Ordering::Relaxed);
        disk.heal();
        for writer in writers {
            writer.await.unwrap();
        }
        drop(store);

        disk = cut;
        let store = open(&disk);
        assert!(!disk.files().iter().any(|file| file.contains("damaged")), "{context}");
        let there = exports_in(&store, &context).await.unwrap();
        acknowledged.check_acknowledged(&there, &context);
        begun.check_begun(&there, &context);
        exports.found(there);
    }
}

async fn write_until(
    is_over: Arc<AtomicBool>,
    store: Arc<EmbeddedStore>,
    exports: Arc<Exports>,
    numbers: Arc<AtomicU64>,
    freezes: bool,
) {
    while !is_over.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        // A disk without power takes nothing.
        let _ = exports.write(&*store, number).await;
        if freezes && number.is_multiple_of(3) {
            let _ = store.freeze().await;
        }
    }
}

/// The same work, cut off at each call of the disk in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_exports_outlive_a_power_cut_at_every_call() {
    let mut call = 1;
    loop {
        let disk = SimulatedDisk::new(call);
        let exports = Exports::default();
        disk.fail_from(call, Fault::Io);
        let is_done = work(&disk, &exports).await;
        let told = exports.now();
        let context = format!("cut at call {call}");
        for seed in 0..3 {
            let cut = disk.power_cut(seed);
            let store = open(&cut);
            told.check(&exports_in(&store, &context).await.unwrap(), &context);
            // Nothing that a power cut leaves takes a human to look at it.
            assert!(!cut.files().iter().any(|file| file.contains("damaged")), "{context}");
            // What is found is a store like any other.
            let after = Exports::default();
            after.found(exports_in(&store, &context).await.unwrap());
            after.write(&store, 5_000).await.unwrap();
            store.settle().await.unwrap();
            after.now().check(&exports_in(&store, &context).await.unwrap(), &context);
        }
        if is_done {
            break;
        }
        call += 1;
    }
    assert!(call > 100, "{call} calls are too few to tell anything");
}

/// Writes, segments, merging and a purge. Tells whether all of it could be done.
async fn work(disk: &SimulatedDisk, exports: &Exports) -> bool {
    let Ok(store) = open_with(disk, small()) else {
        return false;
    };
    let mut number = 0;
    for round in 0..10 {
        for _ in 0..2 {
            number += 1;
            if exports.write(&store, number).await.is_err() {
                return false;
            }
        }
        let settled = store.settle().await;
        let purged = if round == 8 { exports.purge(&store).await } else { Ok(()) };
        if settled.is_err() || purged.is_err() {
            return false;
        }
    }
    true
}

/// The store of a machine whose power may go at any moment, while exports come. Of each moment the
/// disk is looked at twice: as a killed process leaves it, and as a power cut does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_async_mode_a_power_cut_loses_no_more_than_the_last_interval() {
    let interval = Duration::from_millis(100);
    // A busy machine may let the thread that syncs wait; to sync takes no time here.
    let most = interval + Duration::from_secs(1);
    let disk = SimulatedDisk::new(now());
    // No log becomes full: then it would be synced too.
    let options = Options { durability: Durability::Async(interval), ..Options::default() };
    let open = |disk: &SimulatedDisk| open_with(disk, options.clone()).unwrap();
    let store = Arc::new(open(&disk));
    let exports = Arc::new(Exports::default());
    let acknowledged = Arc::new(Mutex::new(BTreeMap::new()));
    let writer = {
        let (store, exports, times) =
            (Arc::clone(&store), Arc::clone(&exports), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            let mut due = tokio::time::interval(Duration::from_millis(2));
            for number in 1.. {
                due.tick().await;
                exports.write(&*store, number).await.unwrap();
                times.lock().unwrap().insert(number, Instant::now());
            }
        })
    };
    let (begun, mut cuts, mut longest) = (Instant::now(), 0_u64, Duration::ZERO);
    while begun.elapsed() < 2 * most {
        // Not in step with the syncs.
        tokio::time::sleep(Duration::from_millis(73)).await;
        let (told, times) = (exports.now(), acknowledged.lock().unwrap().clone());
        let moment = disk.duplicate();
        let at = Instant::now();
        cuts += 1;
        let killed = exports_in(&open(&moment.duplicate()), "killed").await.unwrap();
        told.check_acknowledged(&killed, "killed");
        for seed in 4 * cuts..4 * cuts + 4 {
            let there = exports_in(&open(&moment.power_cut(seed)), "cut").await.unwrap();
            let lost = times.iter().find(|(number, _)| !there.contains(number));
            longest = longest.max(lost.map_or(Duration::ZERO, |(_, time)| at - *time));
        }
    }
    writer.abort();
    println!("syncing every {interval:?}, {cuts} power cuts took at most the last {longest:?}");
    assert!(longest > Duration::ZERO, "nothing was ever lost: nothing was measured");
    assert!(longest <= most, "a power cut took what was acknowledged {longest:?} before");
}

/// Without a sync for each write the process may still be killed at any moment; a power cut may
/// take the last writes, each wholly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_async_mode_a_killed_process_loses_nothing_and_a_power_cut_no_half_exports() {
    for seed in 0..20 {
        let context = format!("seed {seed}");
        let disk = SimulatedDisk::new(seed);
        let options = Options { durability: Durability::Async(LONG), ..small() };
        let (store, exports) = (open_with(&disk, options).unwrap(), Exports::default());
        for number in 1..=20 {
            exports.write(&store, number).await.unwrap();
            if number % 8 == 0 {
                store.freeze().await.unwrap();
            }
        }
        let killed = open(&disk.duplicate());
        exports.now().check(&exports_in(&killed, &context).await.unwrap(), &context);
        let cut = open(&disk.power_cut(seed));
        let there = exports_in(&cut, &context).await.unwrap();
        exports.now().check_begun(&there, &context);
        // What was in a frozen head's log was synced.
        assert!((1..=16).all(|number| there.contains(&number)), "{context}: {there:?}");
    }
}
