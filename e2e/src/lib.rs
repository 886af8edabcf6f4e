//! What the end-to-end tests share: building, starting and asking the programs they drive.

mod jaeger;
mod process;
mod programs;
mod spoor;

pub use jaeger::Jaeger;
pub use process::{Process, eventually, free_address, http};
pub use programs::{cargo_program, real_program};
pub use spoor::Spoor;
