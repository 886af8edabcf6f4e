//! The server over real sockets: in this process where its configuration is all that matters, as
//! a program of its own where the process is.
#![allow(clippy::unwrap_used)]

mod admin;
mod admission;
mod configuration;
mod connections;
mod drain;
mod durability;
mod exports;
mod logs;
mod memory;
mod opening;
mod read_only;
mod reads;
mod stalled;
mod support;
mod tools;
