//! How the truth of each panel is known. Every panel has a row at least; a row is about one of its
//! queries.

pub mod buckets;
mod lab;
mod pipeline;
pub mod service;
mod spoor;

use std::collections::BTreeMap;
use std::fmt;

use e2e::ask::Span;

use crate::truth::Truth;

/// A row of the table.
pub struct Row {
    /// The panel's title.
    pub panel: &'static str,
    /// The query's refId.
    pub query: &'static str,
    /// What it is compared with.
    pub known_by: &'static str,
    /// Between which values it must be, by its legend or, in a table, by its labels.
    pub truth: fn(&Truth) -> Ranges,
}

/// By dashboard.
pub const TABLE: [(&str, &[Row]); 4] = [
    ("lab", lab::ROWS),
    ("pipeline", pipeline::ROWS),
    ("service", service::ROWS),
    ("spoor", spoor::ROWS),
];

/// What is absent must be 0, and the other way round.
pub type Ranges = BTreeMap<String, Range>;

/// From least to most.
#[derive(Clone, Copy)]
pub struct Range(pub f64, pub f64);

impl Range {
    pub const ZERO: Self = Self(0.0, 0.0);

    pub fn has(self, value: f64) -> bool {
        (self.0..=self.1).contains(&value)
    }

    pub fn per(self, divisor: f64) -> Self {
        Self(self.0 / divisor, self.1 / divisor)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} to {:.4}", self.0, self.1)
    }
}

/// What a count can be if it is taken a few seconds sooner or later.
pub fn around(count: f64) -> Range {
    let slack = 2.0 + 0.1 * count;
    Range((count - slack).max(0.0), count + slack)
}

/// As far as a share of it.
fn about(value: f64, share: f64) -> Range {
    Range(value * (1.0 - share), value * (1.0 + share))
}

fn one(key: &str, range: Range) -> Ranges {
    Ranges::from([(key.to_owned(), range)])
}

fn zero(key: &str) -> Ranges {
    one(key, Range::ZERO)
}

/// Whether it is a request that a service promises to answer well, and fast unless it is asked to
/// sleep.
fn has_objective(span: &Span) -> bool {
    span.is_server() && !["GET /error_test", "GET /random_status"].contains(&&*span.name)
}

/// Milliseconds: what the objective of latency allows.
const SLOW: f64 = 500.0;

fn is_slow(span: &Span) -> bool {
    span.duration() > SLOW
}

fn sleeps(span: &Span) -> bool {
    span.name == "GET /random_sleep"
}
