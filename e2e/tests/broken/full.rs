//! Every breakage that `.ci/run` has no time for.

mod metrics;
mod parts;
mod signals;
