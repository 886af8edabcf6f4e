//! The engine as a whole: what it answers, and what is left of it after every accident.
//!
//! Seeds come from the environment where a test says so, and a failing one is printed.

mod bit_flips;
mod concurrency;
mod cut_traces;
mod dependencies;
mod directories;
mod equality;
mod faults;
mod hostile;
mod large_heads;
mod merging;
mod opening;
mod pages;
mod power_cuts;
mod pruning;
mod reads;
mod retention;
mod support;
mod waiting;

#[path = "../../../store/tests/random/mod.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod random;
#[path = "../rows/wire.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod wire;
