//! Stores whose sizes are small, so that all that is rare happens often.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spoor_embedded::disk::{Disk, SimulatedDisk};
use spoor_embedded::{EmbeddedStore, OpenError, Options};
use spoor_memory::{Limits, MemoryStore};
use spoor_store::Tenant;

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

pub fn tenant() -> Tenant {
    Tenant::new("")
}

/// Heads of some requests, blocks of some spans.
pub fn small() -> Options {
    Options {
        head_bytes: 96 << 10,
        log_bytes: 24 << 10,
        block_spans: 24,
        retry: Duration::from_millis(1),
        write_wait: Duration::from_secs(60),
        ..Options::default()
    }
}

pub fn open_with(disk: &SimulatedDisk, options: Options) -> Result<EmbeddedStore, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    EmbeddedStore::open_on(disk, options, now)
}

pub fn open(disk: &SimulatedDisk) -> EmbeddedStore {
    open_with(disk, small()).unwrap()
}

/// The engine that says what is right.
pub fn memory() -> MemoryStore {
    MemoryStore::new(Limits { traces: usize::MAX, bytes: usize::MAX })
}
