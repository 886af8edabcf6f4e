//! Real `demo` processes, seen from outside: their answers, their headers, their spans, their logs.

mod admin;
mod answers;
mod captured_headers;
#[allow(dead_code, reason = "the tests of telemetry need more of it")]
mod collector;
mod concurrency;
mod configuration;
mod expected;
mod faults;
mod flows;
mod log_export;
mod logs;
mod outage;
mod process;
mod propagators;
mod shutdown;
mod spans;
mod stand_in;
mod trace;
mod wire;
