//! The server over real sockets: in this process where its configuration is all that matters, as
//! a program of its own where the process is.
#![allow(clippy::unwrap_used)]

mod admin;
mod admission;
mod archive;
mod configuration;
mod connections;
mod drain;
mod durability;
mod exports;
mod filters;
mod hostile;
mod identity;
mod logs;
mod memory;
mod open;
mod opening;
mod pages;
mod read_only;
mod read_timeout;
mod reads;
mod sidecar;
mod stalled;
mod support;
mod tls;
mod tools;
mod tracing;
mod v1;
