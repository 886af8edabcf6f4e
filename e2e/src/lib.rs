//! What the end-to-end tests share: building, starting and asking the programs they drive.

pub mod ask;
pub mod files;
mod jaeger;
mod lab;
mod memory;
mod process;
mod programs;
pub mod queries;
mod spoor;

pub use jaeger::Jaeger;
pub use lab::{Changes, NativeLab, SERVICES};
pub use memory::memory;
pub use process::{Process, eventually, free_address, http};
pub use programs::{cargo_program, real_program};
pub use spoor::Spoor;
