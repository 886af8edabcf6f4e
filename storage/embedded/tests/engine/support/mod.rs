//! What the tests of the engine share.

pub mod answers;
pub mod both;
pub mod exports;
pub mod facts;
pub mod filters;
pub mod queries;
pub mod requests;
pub mod stores;
pub mod stuck_disk;

/// A number from the environment.
pub fn from_env(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}
