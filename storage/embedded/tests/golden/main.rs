//! Files of every generation of the format, written once and never again: today's engine reads
//! them, writes to them and merges them.
//!
//! `1/` and so on are generations. Each has the `requests` that were written and the `store` that
//! was made of them, so that nothing here depends on what generators make today. A change of the
//! format, or of what the writer makes of the same spans, takes a new generation beside the old
//! ones; `docs/format.md` says how.

mod columns;
mod examples;
mod generate;
mod generation;
mod mixed;
mod read;
mod told;
mod upgrade;
mod versions;
mod written;

#[path = "../../../store/tests/random/mod.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod random;
#[path = "../block/shop.rs"]
mod shop;
#[path = "../engine/support/mod.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod support;
#[path = "../rows/wire.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod wire;
