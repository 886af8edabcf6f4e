//! The memory engine keeps every rule of the store's contract.

use std::sync::Arc;

use spoor_memory::{Limits, MemoryStore};
use spoor_store::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_engine_keeps_every_rule() {
    let limits = Limits { traces: 1000, bytes: 100 << 20 };
    let violations = conformance::run(|| Arc::new(MemoryStore::new(limits))).await;
    assert!(violations.is_empty(), "{violations:#?}");
}
