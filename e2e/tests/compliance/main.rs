//! Jaeger's own storage suites, by the protocols of its versions.

mod remote_v1;
mod remote_v2;
mod sidecar;
mod suite;
