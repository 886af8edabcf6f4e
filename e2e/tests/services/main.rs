//! The demo services among programs of others.

mod adaptive_sampling;
mod backend;
mod demo;
#[path = "../../../services/demo/tests/services/expected.rs"]
mod expected;
mod export_modes;
#[path = "../../../services/demo/tests/services/flows.rs"]
mod flows;
mod interoperation;
mod remote_sampling;
