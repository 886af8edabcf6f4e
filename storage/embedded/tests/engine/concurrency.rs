use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spoor_embedded::disk::SimulatedDisk;

use crate::support::exports::{Exports, exports_in};
use crate::support::stores::open;

/// While spans move from heads to segments, and from those to others, a read sees all that was
/// acknowledged before it, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_sees_every_export_once_wherever_it_is() {
    let disk = SimulatedDisk::new(1);
    let (store, exports) = (Arc::new(open(&disk)), Arc::new(Exports::default()));
    let numbers = Arc::new(AtomicU64::new(1));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (store, exports) = (Arc::clone(&store), Arc::clone(&exports));
            let numbers = Arc::clone(&numbers);
            tokio::spawn(async move {
                for _ in 0..300 {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    exports.write(&*store, number).await.unwrap();
                    if writer == 0 {
                        store.freeze().await.unwrap();
                    }
                }
            })
        })
        .collect();
    let mut reads = 0;
    while !writers.iter().all(|writer| writer.is_finished()) {
        reads += 1;
        let context = format!("read {reads}");
        let before = exports.now();
        let there = exports_in(&*store, &context).await.unwrap();
        before.check_acknowledged(&there, &context);
        exports.now().check_begun(&there, &context);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(reads > 3, "{reads} reads are too few to tell anything");
}
