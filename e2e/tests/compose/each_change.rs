//! What each change is held to. It waits for containers most of the time, so `.ci/run` has all other tests beside it.

mod base;
mod export_modes;
pub mod killed;
mod whole;
