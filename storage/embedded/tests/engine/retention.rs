use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::{LegacyQuery, Store};

use crate::support::exports::{Exports, export, exports_in};
use crate::support::stores::{now, open_with, small, tenant};
use crate::support::stuck_disk::StuckDisk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrived_too_long_ago_is_deleted_whatever_its_own_times_are() {
    let time = Arc::new(AtomicU64::new(1_000_000_000));
    let clock = Arc::clone(&time);
    let options = Options { retention: Duration::from_secs(60), ..small() };
    let disk = Arc::new(SimulatedDisk::new(1));
    let store =
        EmbeddedStore::open_on(disk, options, move || clock.load(Ordering::Relaxed)).unwrap();
    let exports = Exports::default();
    exports.write(&store, 1).await.unwrap();
    store.settle().await.unwrap();
    time.fetch_add(50_000_000_000, Ordering::Relaxed);
    exports.write(&store, 2).await.unwrap();
    store.settle().await.unwrap();
    assert_eq!(exports_in(&store, "both").await.unwrap().len(), 2);
    time.fetch_add(20_000_000_000, Ordering::Relaxed);
    exports.write(&store, 3).await.unwrap();
    store.settle().await.unwrap();
    let there = exports_in(&store, "later").await.unwrap();
    assert_eq!(there.into_iter().collect::<Vec<_>>(), [2, 3]);
    assert!(store.usage().evicted_traces > 0);
}

/// What deletes must be written first, and there is no space for anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_does_not_keep_what_is_too_old_or_purged() {
    const SECOND: u64 = 1_000_000_000;
    let time = Arc::new(AtomicU64::new(SECOND));
    let clock = Arc::clone(&time);
    let options = Options { retention: Duration::from_secs(10), ..small() };
    let disk = SimulatedDisk::new(1);
    let now = move || clock.load(Ordering::Relaxed);
    let store = EmbeddedStore::open_on(Arc::new(disk.clone()), options, now).unwrap();
    let has = |name: &str| disk.files().iter().any(|file| file.contains(name));
    for export in 1..=2 {
        store.write(&tenant(), self::export(export)).await.unwrap();
        store.settle().await.unwrap();
        wait("the reserve is there", || has("/reserve")).await;
        assert!(has("/segment-"));
        disk.set_capacity(disk.used());
        if export == 1 {
            time.fetch_add(11 * SECOND, Ordering::Relaxed);
            wait("it is deleted", || !has("/segment-")).await;
        } else {
            store.purge(&tenant()).await.unwrap();
            assert!(!has("/segment-"));
        }
        assert!(exports_in(&store, "deleted").await.unwrap().is_empty());
        disk.set_capacity(u64::MAX);
    }
}

async fn wait(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_be_removed_count_to_the_size() {
    let disk = StuckDisk::new(false, true);
    let disk_bytes = 8 * small().log_bytes;
    let options = Options { disk_bytes, write_wait: Duration::from_millis(50), ..small() };
    let store = EmbeddedStore::open_on(Arc::new(disk.clone()), options, now).unwrap();
    let exports = Exports::default();
    let mut number = 1;
    while exports.write(&store, number).await.is_ok() {
        number += 1;
        assert!(disk.disk.used() <= disk_bytes, "{} bytes after {number}", disk.disk.used());
        assert!(number < 10_000, "nothing bounds the files");
    }
    disk.keeps_files.store(false, Ordering::Relaxed);
    let until = Instant::now() + Duration::from_secs(60);
    while exports.write(&store, number + 1).await.is_err() {
        assert!(Instant::now() < until, "it does not heal");
    }
}

/// Writers as fast as they can be, while the bytes of all files are counted all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_directory_never_grows_beyond_its_size() {
    for (logs, exports) in [(8, 500), (12, 1_000), (27, 2_500)] {
        write_beyond(logs * small().log_bytes, exports).await;
    }
}

async fn write_beyond(disk_bytes: u64, exports: u64) {
    let disk = SimulatedDisk::new(1);
    let options = Options { disk_bytes, ..small() };
    let store = Arc::new(open_with(&disk, options).unwrap());
    let is_over = Arc::new(AtomicBool::new(false));
    let counting = {
        let (disk, is_over) = (disk.clone(), Arc::clone(&is_over));
        std::thread::spawn(move || {
            let mut greatest = 0;
            while !is_over.load(Ordering::Relaxed) {
                let disk = disk.duplicate();
                let files = disk.files();
                let bytes = files.iter().map(|file| disk.contents(file).unwrap().len());
                greatest = bytes.sum::<usize>().max(greatest);
            }
            greatest as u64
        })
    };
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0..exports {
                    store.write(&tenant(), export(number * 4 + writer)).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let greatest = counting.join().unwrap();
    assert!(greatest <= disk_bytes, "{greatest} bytes are more than {disk_bytes}");
    assert!(greatest > disk_bytes / 2, "{greatest} bytes do not show that {disk_bytes} are used");
    assert!(store.usage().evicted_traces > 0);
    let there = exports_in(&*store, "the end").await.unwrap();
    assert!(there.contains(&(4 * exports - 1)), "the last export is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_ends_correctly_although_its_segments_are_deleted_meanwhile() {
    let disk = SimulatedDisk::new(1);
    let store = EmbeddedStore::open_on(Arc::new(disk), small(), now).unwrap();
    for number in 0..60 {
        store.write(&tenant(), export(number)).await.unwrap();
    }
    store.settle().await.unwrap();
    let query = LegacyQuery { depth: 1_000, ..LegacyQuery::default() }.compile(1_000).unwrap();
    let whole = store.find_traces(&tenant(), query.clone()).count().await;
    let mut chunks = store.find_traces(&tenant(), query);
    let first = chunks.next().await.unwrap();
    store.purge(&tenant()).await.unwrap();
    let rest: Vec<_> = chunks.collect().await;
    assert!(first.is_ok() && rest.iter().all(Result::is_ok));
    assert_eq!(rest.len() + 1, whole);
}
