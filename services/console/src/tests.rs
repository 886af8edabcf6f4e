//! The console as a browser or a program meets it, on a storage server in this process.

mod accessible;
mod finding;
mod guarding;
mod hostile;
mod incidents;
mod large;
mod sending;
pub(crate) mod stand;
mod switching;
pub(crate) mod telemetry;
mod tracing;
