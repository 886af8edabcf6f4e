//! What the fuzz targets share: files in memory, and mutations that keep what surrounds the
//! mutated bytes right, lengths and checksums, so that decoders are reached behind these.
//!
//! Inputs are what decoders read, byte for byte: so golden files are seeds, and an input that fails
//! can be a test as it is.
#![forbid(unsafe_code)]

pub mod block;
pub mod bytes;
pub mod file;
pub mod golden;
pub mod log;
pub mod manifest;
pub mod protobuf;
pub mod segment;

pub use bytes::{Random, mutated_input};

/// When requests arrive, in nanoseconds since the Unix epoch.
pub const NOW: u64 = 1_800_000_000_000_000_000;
