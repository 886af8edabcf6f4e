//! What is told about a whole trace: its summary, and the calls between its services. Both are
//! computed from all of its spans, so the result does not depend on how they arrived.

mod dependencies;
mod summary;

pub use dependencies::{CallSpan, DependencyCounts};
pub use summary::{Outline, ServiceSummary, Summarizer, TraceSummary};

use crate::{FoundTrace, TraceRank};

/// The times between which the spans of a trace that was found lie. `times` are the start and the
/// end of all of its spans, at least one.
pub fn extent(rank: TraceRank, times: impl Iterator<Item = (u64, u64)>) -> FoundTrace {
    let TraceRank { start: matched, trace_id } = rank;
    let none = FoundTrace { trace_id, start: u64::MAX, end: 0, matched };
    times.fold(none, |found, (start, end)| FoundTrace {
        start: found.start.min(start),
        end: found.end.max(end),
        ..found
    })
}

/// An id of 8 bytes, which every span that was taken has.
fn span_id(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().unwrap_or_default()
}
