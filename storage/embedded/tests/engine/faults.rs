use std::time::{Duration, Instant};

use spoor_embedded::disk::{Fault, SimulatedDisk};
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::{Store, TimeRange};

use crate::support::exports::{Exports, exports_in};
use crate::support::from_env;
use crate::support::stores::{open_with, small, tenant};

fn options() -> Options {
    Options { write_wait: Duration::from_millis(20), ..small() }
}

/// Each third call fails in one of the ways, in turn; every one in each way if `SPOOR_ALL` is set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_costs_nothing_acknowledged() {
    each_call(|disk, call, fault| disk.fail_at(call, fault)).await;
}

/// As above, but every call fails from one on, until the disk is healed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_for_long_costs_nothing_acknowledged() {
    each_call(|disk, call, fault| disk.fail_from(call, fault)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_nothing_acknowledged() {
    let needed = {
        let disk = SimulatedDisk::new(0);
        work(&disk, &Exports::default(), "with space").await;
        disk.used()
    };
    for part in 0..from_env("SPOOR_PARTS").unwrap_or(60) {
        let capacity = needed * part / 40;
        let context = format!("{capacity} bytes of disk");
        let (disk, exports) = (SimulatedDisk::new(part), Exports::default());
        disk.set_capacity(capacity);
        let store = work(&disk, &exports, &context).await;
        disk.set_capacity(u64::MAX);
        recovers(store, &disk, &exports, &context).await;
    }
}

/// After a purge that failed nobody knows whether it would be found done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_after_a_purge_that_failed_is_not_lost_with_it() {
    for (call, fault) in (0..14).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
        let context = format!("{fault:?} at call {call} of a purge");
        let (disk, exports) = (SimulatedDisk::new(call), Exports::default());
        let store = open_with(&disk, options()).unwrap();
        exports.write(&store, 1).await.unwrap();
        store.settle().await.unwrap();
        exports.write(&store, 2).await.unwrap();
        disk.fail_at(disk.calls() + call, fault);
        let _ = exports.purge(&store).await;
        disk.heal();
        let until = Instant::now() + Duration::from_secs(20);
        let mut number = 3;
        while let Err(error) = exports.write(&store, number).await {
            assert!(Instant::now() < until, "{context}: {error}");
            number += 1;
        }
        for seed in 0..6 {
            let cut = disk.power_cut(seed);
            let store = open_with(&cut, options()).unwrap();
            exports.now().check(&exports_in(&store, &context).await.unwrap(), &context);
        }
    }
}

async fn each_call(break_it: impl Fn(&SimulatedDisk, u64, Fault)) {
    let is_full = from_env("SPOOR_ALL").is_some();
    for call in (0..).step_by(if is_full { 1 } else { 3 }) {
        let in_turn = [Fault::ALL[call as usize / 3 % Fault::ALL.len()]];
        let faults: &[Fault] = if is_full { &Fault::ALL } else { &in_turn };
        let mut calls = 0;
        for fault in faults {
            let context = format!("{fault:?} at call {call}");
            let (disk, exports) = (SimulatedDisk::new(call), Exports::default());
            break_it(&disk, call, *fault);
            let store = work(&disk, &exports, &context).await;
            calls = disk.calls();
            disk.heal();
            recovers(store, &disk, &exports, &context).await;
        }
        if calls <= call {
            assert!(call > 200, "{call} calls are too few to tell anything");
            break;
        }
    }
}

/// Writes, segments, merging, reads and a purge, whatever fails.
async fn work(disk: &SimulatedDisk, exports: &Exports, context: &str) -> Option<EmbeddedStore> {
    let mut store = open_with(disk, options()).ok()?;
    let mut number = 0;
    for round in 0..11 {
        for _ in 0..3 {
            number += 1;
            let _ = exports.write(&store, number).await;
        }
        let _ = store.settle().await;
        if round % 3 == 0 {
            // Right, or an error.
            if let Ok(there) = exports_in(&store, context).await {
                exports.now().check(&there, context);
            }
            let _ = store.services(&tenant()).await;
            let _ = store.dependencies(&tenant(), TimeRange::default()).await;
        }
        if round == 5 {
            drop(store);
            store = open_with(disk, options()).ok()?;
        }
        if round == 9 {
            let _ = exports.purge(&store).await;
        }
    }
    Some(store)
}

/// Once the disk is healed, the store is as if nothing had happened.
async fn recovers(
    store: Option<EmbeddedStore>,
    disk: &SimulatedDisk,
    exports: &Exports,
    context: &str,
) {
    let opened = || open_with(disk, options());
    let store = match store {
        Some(store) => store,
        None => opened().unwrap_or_else(|error| panic!("{context}: {error}")),
    };
    let mut number = 1_000;
    for _ in 0..2 {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            number += 1;
            match exports.write(&store, number).await {
                Ok(()) => break,
                Err(error) => assert!(Instant::now() < until, "{context}: {error}"),
            }
        }
        let mut settled = store.settle().await;
        while settled.is_err() && Instant::now() < until {
            settled = store.settle().await;
        }
        settled.unwrap_or_else(|error| panic!("{context}: {error}"));
    }
    let there = exports_in(&store, context).await.unwrap();
    exports.now().check(&there, context);
    // A segment that could not be read is merged with others later.
    let until = Instant::now() + Duration::from_secs(20);
    let mut files = segments(disk);
    while segments_if_opened(disk).await != files && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
        store.settle().await.unwrap();
        files = segments(disk);
    }
    drop(store);

    for cut in [None, Some(1), Some(2)] {
        let disk = cut.map_or_else(|| disk.duplicate(), |seed| disk.power_cut(seed));
        let store =
            open_with(&disk, options()).unwrap_or_else(|error| panic!("{context}: {error}"));
        store.settle().await.unwrap();
        assert_eq!(segments(&disk), files, "{context}: files that nobody needs were left");
        let after = exports_in(&store, context).await.unwrap();
        exports.now().check(&after, context);
    }
}

async fn segments_if_opened(disk: &SimulatedDisk) -> Vec<String> {
    let disk = disk.duplicate();
    let store = open_with(&disk, options()).unwrap();
    store.settle().await.unwrap();
    segments(&disk)
}

fn segments(disk: &SimulatedDisk) -> Vec<String> {
    disk.files().into_iter().filter(|file| !file.contains("log-")).collect()
}
