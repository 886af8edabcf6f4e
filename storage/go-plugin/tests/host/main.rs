//! A host's view of a plugin: the example `greeter`, in a process of its own.

mod ending;
mod handshake;
mod logging;
mod serving;
mod support;
