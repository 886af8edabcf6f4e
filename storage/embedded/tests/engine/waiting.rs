use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::{Store, WriteError};
use tokio::time::timeout;

use crate::support::exports::{Exports, exports_in};
use crate::support::stores::{now, small, tenant};
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
    let is_stuck = Arc::new(AtomicBool::new(true));
    let disk = StuckDisk { disk: SimulatedDisk::new(1), is_stuck };
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
