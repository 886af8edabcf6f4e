//! What is measured of a server, from outside of it.

pub mod disk;
pub mod latency;
pub mod machine;
pub mod process;
