//! The sidecar, by a host of go-plugin.

mod ending;
mod host;
mod refusing;
mod serving;
