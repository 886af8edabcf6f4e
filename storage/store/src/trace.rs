//! What is told about a whole trace: its summary, and the calls between its services. Both are
//! computed from all of its spans, so the result does not depend on how they arrived.

mod dependencies;
mod summary;

pub use dependencies::{CallSpan, DependencyCounts};
pub use summary::{ServiceSummary, Summarizer, TraceSummary};

use crate::otlp::SpanInTrace;
use crate::{FoundTrace, TraceId};

/// The times between which a trace's spans lie. `spans` are all of its spans, at least one.
pub fn extent<'a>(trace_id: TraceId, spans: impl Iterator<Item = SpanInTrace<'a>>) -> FoundTrace {
    spans.fold(FoundTrace { trace_id, start: u64::MAX, end: 0 }, |found, span| FoundTrace {
        start: found.start.min(span.span.start),
        end: found.end.max(span.span.end),
        ..found
    })
}

/// An id of 8 bytes, which every span that was taken has.
fn span_id(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().unwrap_or_default()
}
