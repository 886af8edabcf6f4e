//! Reading traces back from a real storage server.
#![allow(clippy::unwrap_used)]

mod failures;
mod filters;
mod large;
mod pages;
mod server;
mod whole;
