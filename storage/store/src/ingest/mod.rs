//! Checks an export request and splits it by trace, decoding nothing.
//!
//! Splitting copies no span: an engine first decides what it can hold, by lengths, and only then
//! asks for the bytes. A resource is repeated for each trace of its spans, so the bytes may be
//! many times those of the request.

mod fragments;
mod splitter;

use std::collections::HashMap;
use std::fmt;

use crate::{TraceId, WriteError};
pub use fragments::{RawSpan, TraceSpans};
use splitter::{Located, Splitter};

/// An export request, checked and split.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    // The messages around the spans, without their spans.
    resources: Vec<ResourceAround>,
    scopes: Vec<Vec<u8>>,
    /// The good spans, those of each trace together.
    spans: Vec<Located<'a>>,
    /// In the order of each trace's first span.
    trace_ids: Vec<TraceId>,
    services: Vec<(&'a str, SpanCounts)>,
    service_indices: HashMap<&'a str, usize>,
    first_refusal: Option<Refusal>,
}

/// A `ResourceSpans` message without its spans.
#[derive(Debug)]
struct ResourceAround {
    envelope: Vec<u8>,
    /// The index of its service.
    service: usize,
}

/// Checks and splits a request that arrived at `now`, nanoseconds since the Unix epoch.
///
/// # Errors
/// [`WriteError::Malformed`] when the bytes are not an `ExportTraceServiceRequest`.
pub fn split(request: &[u8], now: u64) -> Result<Batch<'_>, WriteError> {
    Splitter::new(now).split(request).map_err(|error| {
        WriteError::Malformed(format!("the bytes are not an ExportTraceServiceRequest: {error}"))
    })
}

impl Batch<'_> {
    /// The good spans by trace, in the order of each trace's first span.
    pub fn traces(&self) -> impl Iterator<Item = TraceSpans<'_>> {
        self.spans.chunk_by(|a, b| a.trace == b.trace).map(|spans| TraceSpans::new(self, spans))
    }

    /// Refuses the spans of each trace for which `judge` gives a reason.
    pub fn refuse(&mut self, mut judge: impl FnMut(TraceSpans<'_>) -> Option<Refusal>) {
        let refusals: HashMap<usize, Refusal> = self
            .traces()
            .filter_map(|trace| judge(trace).map(|refusal| (trace.index(), refusal)))
            .collect();
        for span in &self.spans {
            let Some(refusal) = refusals.get(&span.trace) else { continue };
            let counts = &mut self.services[self.resources[span.resource].service].1;
            counts.accepted -= 1;
            counts.refused += 1;
            counts.late -= u64::from(span.late);
            self.first_refusal.get_or_insert(*refusal);
        }
        self.spans.retain(|span| !refusals.contains_key(&span.trace));
    }

    /// What became of the request's spans, once the good ones are kept.
    pub fn written(&self) -> Written {
        let mut services: Vec<_> = self
            .services
            .iter()
            .filter(|(_, counts)| *counts != SpanCounts::default())
            .map(|(name, counts)| ((*name).to_owned(), *counts))
            .collect();
        services.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Written { services, first_refusal: self.first_refusal }
    }
}

/// What became of a request's spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The counts by service, sorted by name; a missing name is the empty one.
    pub services: Vec<(String, SpanCounts)>,
    /// Why the first refused span was refused.
    pub first_refusal: Option<Refusal>,
}

impl Written {
    /// The counts of all services together.
    pub fn total(&self) -> SpanCounts {
        self.services.iter().fold(SpanCounts::default(), |sum, (_, counts)| SpanCounts {
            accepted: sum.accepted + counts.accepted,
            refused: sum.refused + counts.refused,
            late: sum.late + counts.late,
        })
    }
}

/// Counts of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// Kept.
    pub accepted: u64,
    /// Not kept.
    pub refused: u64,
    /// Kept, but arrived more than a minute after their end.
    pub late: u64,
}

/// Why a span was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The trace id is not 16 bytes long, or all zero.
    TraceId,
    /// The span id is not 8 bytes long, or all zero.
    SpanId,
    /// The parent span id is neither 8 bytes long nor absent.
    ParentSpanId,
    /// A link has a trace id or a span id that is neither of its length nor absent.
    LinkId,
    /// The engine can't hold the span's trace, even with nothing else there but the traces that
    /// come before it in the request.
    TraceTooLarge,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TraceId => "trace_id is not 16 bytes, or all zero",
            Self::SpanId => "span_id is not 8 bytes, or all zero",
            Self::ParentSpanId => "parent_span_id is neither 8 bytes nor absent",
            Self::LinkId => "link has a trace_id not of 16 bytes, or a span_id not of 8",
            Self::TraceTooLarge => "trace is larger than what the store holds",
        })
    }
}
