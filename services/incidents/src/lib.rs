//! Incidents of the demo system: what goes wrong, when and for whom, what that shows in telemetry,
//! and whether an answer is right.

pub mod control;
