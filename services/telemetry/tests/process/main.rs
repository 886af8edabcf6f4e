//! Programs under telemetry, in processes of their own, seen by the backend that they export to:
//! what `init` sets up is one per process, and reads the process's environment.

#[path = "../../../demo/tests/services/collector.rs"]
#[allow(dead_code, reason = "the services' tests need more of it")]
mod collector;
mod console;
mod limits;
mod metrics;
mod otlp;
mod panics;
mod program;

/// Not a test but the program of the tests, which run it by this name.
#[test]
fn program_of_the_tests() {
    program::main();
}
