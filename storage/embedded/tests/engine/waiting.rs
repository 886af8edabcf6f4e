use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use spoor_embedded::disk::{Fault, SimulatedDisk};
use spoor_embedded::{Durability, EmbeddedStore, Options};
use spoor_store::{Store, WriteError};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::exports::{Exports, export, exports_in};
use crate::support::stores::{now, open_with, small, tenant};
use crate::support::stuck_disk::StuckDisk;

const WAIT: Duration = Duration::from_millis(300);
/// Long enough for everything that does not hang.
const LONG: Duration = Duration::from_secs(60);

/// A store whose two heads are full, because no segment can be written.
struct Full {
    disk: StuckDisk,
    store: Arc<EmbeddedStore>,
    exports: Arc<Exports>,
    next: u64,
}

async fn full() -> Full {
    let disk = StuckDisk::new(true, false);
    let options = Options { write_wait: WAIT, ..small() };
    let store = Arc::new(EmbeddedStore::open_on(Arc::new(disk.clone()), options, now).unwrap());
    let exports = Arc::new(Exports::default());
    let mut next = 1;
    while exports.write(&*store, next).await.is_ok() {
        next += 1;
    }
    Full { disk, store, exports, next: next + 1 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_waits_for_a_full_head_and_is_then_told_when_to_retry() {
    let Full { disk, store, exports, next } = full().await;
    let begun = Instant::now();
    match exports.write(&*store, next).await {
        Err(WriteError::Overloaded { retry_after, .. }) => assert!(retry_after > Duration::ZERO),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() >= WAIT, "it did not wait");
    // Reads go on.
    exports.now().check(&exports_in(&*store, "full").await.unwrap(), "full");

    disk.is_stuck.store(false, Ordering::Relaxed);
    let again = async { while exports.write(&*store, next).await.is_err() {} };
    timeout(LONG, again).await.unwrap();
    exports.now().check(&exports_in(&*store, "healed").await.unwrap(), "healed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_waits_goes_on_as_soon_as_there_is_room() {
    let Full { disk, store, exports, next } = full().await;
    let waiting = {
        let (store, exports) = (Arc::clone(&store), Arc::clone(&exports));
        tokio::spawn(async move { exports.write(&*store, next).await })
    };
    disk.is_stuck.store(false, Ordering::Relaxed);
    timeout(LONG, waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_forgotten_while_writers_wait() {
    let Full { store, exports, next, .. } = full().await;
    let writers: Vec<_> = (0..20)
        .map(|number| {
            let (store, exports) = (Arc::clone(&store), Arc::clone(&exports));
            tokio::spawn(async move { exports.write(&*store, next + number).await })
        })
        .collect();
    timeout(LONG, store.purge(&tenant())).await.unwrap().unwrap();
    for writer in writers {
        let _ = timeout(LONG, writer).await.unwrap().unwrap();
    }
    // There is room again.
    timeout(LONG, exports.write(&*store, 1_000)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_can_be_closed_while_writers_wait() {
    let Full { store, exports, next, .. } = full().await;
    let writers: Vec<_> = (0..20)
        .map(|number| {
            let (store, exports) = (Arc::clone(&store), Arc::clone(&exports));
            tokio::spawn(async move { exports.write(&*store, next + number).await })
        })
        .collect();
    let close = tokio::task::spawn_blocking(move || drop(store));
    timeout(LONG, close).await.unwrap().unwrap();
    for writer in writers {
        let _ = timeout(LONG, writer).await.unwrap().unwrap();
    }
}

/// The memory of all heads, and why the store is read-only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_do_not_pile_up_when_logs_fail_and_no_segment_can_be_written() {
    let disk = StuckDisk::new(true, false);
    let options = Options { write_wait: Duration::from_millis(20), ..small() };
    let most = 2 * options.head_bytes;
    let store = Arc::new(EmbeddedStore::open_on(Arc::new(disk.clone()), options, now).unwrap());
    let exports = Exports::default();
    let watch = store.read_only();
    let says_why =
        |reason: &Option<String>| reason.as_ref().is_some_and(|it| it.contains("segment"));
    let until = Instant::now() + LONG;
    let mut number = 0;
    while number < 1_000 || !says_why(&watch.borrow()) {
        number += 1;
        // For some time each log fails after some writes, and another is begun.
        if number < 1_000 && number % 5 == 0 {
            disk.disk.fail_at(disk.disk.calls(), Fault::Io);
        }
        let _ = exports.write(&*store, number).await;
        let bytes = store.head_memory();
        assert!(bytes <= most + (32 << 10), "{bytes} bytes of heads after {number} exports");
        assert!(Instant::now() < until, "it never says why it takes no writes");
    }
    exports.now().check_acknowledged(&exports_in(&*store, "full").await.unwrap(), "full");

    // Nobody has to write for it to heal.
    disk.is_stuck.store(false, Ordering::Relaxed);
    let mut watch = store.read_only();
    timeout(LONG, watch.wait_for(Option::is_none)).await.unwrap().unwrap();
    timeout(LONG, exports.write(&*store, number + 1)).await.unwrap().unwrap();
    exports.now().check_acknowledged(&exports_in(&*store, "healed").await.unwrap(), "healed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_write_segments_says_so_until_it_can() {
    let Full { disk, store, exports, next } = full().await;
    let _ = exports.write(&*store, next).await;
    let mut watch = store.read_only();
    let reason = watch.borrow().clone().unwrap();
    assert!(reason.contains("segment"), "{reason}");
    disk.is_stuck.store(false, Ordering::Relaxed);
    timeout(LONG, watch.wait_for(Option::is_none)).await.unwrap().unwrap();
}

/// The number of the export that waits, and its write.
async fn write_until_one_waits(
    store: &Arc<EmbeddedStore>,
    exports: &Arc<Exports>,
) -> (u64, JoinHandle<Result<(), WriteError>>) {
    let mut next = 0;
    loop {
        next += 1;
        let (store, exports) = (Arc::clone(store), Arc::clone(exports));
        let mut write = tokio::spawn(async move { exports.write(&*store, next).await });
        match timeout(WAIT, &mut write).await {
            Ok(written) => written.unwrap().unwrap(),
            Err(_) => return (next, write),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_does_not_wait_behind_a_writer_that_waits_for_room() {
    let disk = StuckDisk::new(true, false);
    let options = Options { write_wait: 10 * LONG, ..small() };
    let store = Arc::new(EmbeddedStore::open_on(Arc::new(disk.clone()), options, now).unwrap());
    let exports = Arc::new(Exports::default());
    let (next, waiting) = write_until_one_waits(&store, &exports).await;
    timeout(LONG, store.purge(&tenant())).await.unwrap().unwrap();
    timeout(LONG, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(exports_in(&*store, "purged").await.unwrap(), [next].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_there_is_never_room_for_is_refused_for_good() {
    let options = Options { disk_bytes: 8 * small().log_bytes, ..small() };
    let most = options.disk_bytes as usize / 2;
    let store = open_with(&SimulatedDisk::new(1), options).unwrap();
    let mut request = Vec::new();
    let mut numbers = 1..;
    while request.len() < most - (20 << 10) {
        request.extend(export(numbers.next().unwrap()));
    }
    // All that was written before has to go for it.
    for _ in 0..5 {
        let written = timeout(LONG, store.write(&tenant(), request.clone().into())).await.unwrap();
        written.unwrap();
    }
    while request.len() < most {
        request.extend(export(numbers.next().unwrap()));
    }
    match store.write(&tenant(), request.into()).await {
        Err(WriteError::TooLarge(reason)) => assert!(reason.contains("limit"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_async_mode_what_is_acknowledged_is_synced_while_a_writer_waits_for_room() {
    let disk = StuckDisk::new(true, false);
    // So long that what comes last before one waits is not synced yet.
    let durability = Durability::Async(Duration::from_secs(1));
    let options = Options { durability, write_wait: 10 * LONG, ..small() };
    let open = |disk| EmbeddedStore::open_on(Arc::new(disk), options.clone(), now).unwrap();
    let store = Arc::new(open(disk.clone()));
    let exports = Arc::new(Exports::default());
    let (next, waiting) = write_until_one_waits(&store, &exports).await;
    let told = exports.now();
    let until = Instant::now() + LONG;
    loop {
        // None of them may lack anything by luck.
        let mut complete = true;
        for seed in 0..8 {
            let cut = StuckDisk { disk: disk.disk.power_cut(seed), ..StuckDisk::new(false, false) };
            let there = exports_in(&open(cut), "cut").await.unwrap();
            complete &= (1..next).all(|number| there.contains(&number));
        }
        if complete {
            break;
        }
        assert!(Instant::now() < until, "what was acknowledged is not synced");
    }
    assert!(!waiting.is_finished(), "it did not wait");
    told.check_acknowledged(&exports_in(&*store, "waiting").await.unwrap(), "waiting");
    disk.is_stuck.store(false, Ordering::Relaxed);
    timeout(LONG, waiting).await.unwrap().unwrap().unwrap();
}
