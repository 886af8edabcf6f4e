//! The conformance suite that each engine runs.
