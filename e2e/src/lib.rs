//! What the end-to-end tests share: building, starting and asking the programs they drive,
//! and what must come of it.

pub mod ask;
mod client;
mod collector;
mod counts;
mod delays;
pub mod files;
mod jaeger;
mod lab;
mod memory;
mod ports;
mod process;
mod programs;
pub mod queries;
pub mod readme;
pub mod spm;
mod spoor;

pub use client::{Answer, Client};
pub use collector::Collector;
pub use counts::{Counts, more};
pub use delays::Delays;
pub use jaeger::Jaeger;
pub use lab::{Changes, NativeLab, PARTS, SERVICES};
pub use memory::memory;
pub use ports::{free_address, free_addresses};
pub use process::{Process, eventually, http};
pub use programs::{cargo_program, real_program};
pub use spoor::Spoor;
