//! The embedded engine: durable, with no database to run.
#![forbid(unsafe_code)]

pub mod bitmap;
pub mod block;
pub mod check;
pub mod disk;
mod ephemeral;
mod error;
pub mod log;
mod manifest;
mod metrics;
mod options;
mod read_only;
pub mod rows;
mod search;
pub mod segment;
pub mod snapshot;
pub mod stats;
mod store;
mod stream;
mod tenant;
mod tools;

pub use crate::log::MAX_PAYLOAD as MAX_REQUEST_BYTES;
pub use error::{MaintenanceError, OpenError};
pub use options::{Durability, Options};
pub use store::EmbeddedStore;
