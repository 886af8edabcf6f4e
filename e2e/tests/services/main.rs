//! The demo services among programs of others.

mod remote_sampling;
