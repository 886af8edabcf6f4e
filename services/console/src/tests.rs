//! The console as a browser or a program meets it, on a storage server in this process.

mod accessible;
mod finding;
mod guarding;
mod hostile;
mod large;
mod sending;
mod stand;
mod switching;
mod telemetry;
mod tracing;
