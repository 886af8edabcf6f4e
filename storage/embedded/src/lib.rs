//! The embedded engine: durable, with no database to run.
//!
//! What is written goes to a log, is synced, and is then seen at once in a head in memory. Full
//! heads become segments: immutable files of columns, which are merged and, when they are too old
//! or too much, deleted in the background. Every tenant has a directory of its own. The format is
//! drawn in `docs/format.md`, its reasons are in `docs/decisions/0003-the-embedded-engine.md`.
//!
//! It is not replicated, and one process at a time has a store open.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use spoor_embedded::{EmbeddedStore, OpenError, Options};
//!
//! let store = EmbeddedStore::open(Path::new("traces"), Options::default())?;
//! # drop(store);
//! # Ok::<(), OpenError>(())
//! ```
#![forbid(unsafe_code)]

pub mod bitmap;
pub mod block;
mod budget;
pub mod check;
mod demand;
pub mod disk;
mod ephemeral;
mod error;
#[cfg(any(test, feature = "simulation"))]
#[doc(hidden)]
pub mod fuzz;
pub mod log;
mod manifest;
mod metrics;
mod options;
mod orphans;
mod read_only;
pub mod rows;
pub mod scan;
mod search;
pub mod segment;
mod set_aside;
pub mod snapshot;
pub mod stats;
mod store;
mod stream;
mod tenant;
mod tools;

pub use crate::log::MAX_PAYLOAD as MAX_REQUEST_BYTES;
pub use demand::Demand;
pub use error::{MaintenanceError, OpenError};
pub use options::{Durability, Options, Served};
pub use store::EmbeddedStore;
