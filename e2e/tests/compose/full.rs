//! What takes minutes: left out by `--skip full::`.

mod killed;
mod memory;
mod outages;
mod restarts;
mod sampling;
mod stopped;
mod tiers;

use std::io::{Write, stderr};

/// Prints a line of what was measured, also of a test that passes.
fn measured(line: &str) {
    // Not by a macro, whose text the test harness keeps for itself.
    let _ = writeln!(stderr(), "{line}");
}
