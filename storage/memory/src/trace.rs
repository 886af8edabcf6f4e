use bytes::Bytes;
use spoor_store::TimeRange;
use spoor_store::ingest::TraceSpans;
use spoor_store::otlp::{SpanInTrace, spans_of};

use crate::catalogue::{Catalogue, NAME_OVERHEAD};

/// What a trace takes besides its spans: map and queue entries and this struct, in bytes.
const TRACE_OVERHEAD: usize = 256;
/// What a fragment takes besides its bytes.
const FRAGMENT_OVERHEAD: usize = 64;

/// A trace, as the bytes it came in.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    fragments: Vec<Bytes>,
    // The earliest and the latest start of a span.
    starts: TimeRange,
    spans: usize,
    encoded: usize,
}

impl Default for Trace {
    fn default() -> Self {
        let starts = TimeRange { min: u64::MAX, max: 0 };
        Self { fragments: Vec::new(), starts, spans: 0, encoded: 0 }
    }
}

impl Trace {
    /// Adds spans of the trace, and tells the catalogue of them.
    pub(crate) fn append(&mut self, more: TraceSpans<'_>, catalogue: &mut Catalogue) {
        self.spans += more.span_count();
        for fragment in more.fragments() {
            for span in spans_of(&fragment) {
                self.starts.min = self.starts.min.min(span.span.start);
                self.starts.max = self.starts.max.max(span.span.start);
                catalogue.add(&span);
            }
            self.encoded += fragment.len();
            self.fragments.push(fragment);
        }
    }

    /// The trace's spans as encoded `TracesData`, in the order of arrival.
    pub(crate) fn fragments(&self) -> &[Bytes] {
        &self.fragments
    }

    pub(crate) fn spans(&self) -> impl Iterator<Item = SpanInTrace<'_>> + Clone {
        self.fragments.iter().flat_map(|fragment| spans_of(fragment))
    }

    pub(crate) fn latest_start(&self) -> u64 {
        self.starts.max
    }

    /// Whether some span may start within the range.
    pub(crate) fn may_start_in(&self, range: TimeRange) -> bool {
        self.starts.min <= range.max && range.min <= self.starts.max
    }

    pub(crate) fn span_count(&self) -> usize {
        self.spans
    }

    /// What the trace takes, in bytes, without what the catalogue has of it.
    pub(crate) fn bytes(&self) -> usize {
        trace_bytes(self.fragments.len(), self.encoded)
    }

    /// The most that the trace takes with all that the catalogue has of it.
    pub(crate) fn most_bytes(&self) -> usize {
        self.bytes() + most_catalogue_bytes(self.spans, self.encoded)
    }
}

/// The most that these spans take as a trace of their own, with all that the catalogue has of
/// them.
pub(crate) fn most_bytes(spans: &TraceSpans<'_>) -> usize {
    let (fragments, encoded) = spans.encoded_len();
    trace_bytes(fragments, encoded) + most_catalogue_bytes(spans.span_count(), encoded)
}

fn trace_bytes(fragments: usize, encoded: usize) -> usize {
    TRACE_OVERHEAD + fragments * FRAGMENT_OVERHEAD + encoded
}

/// Each span may bring a new service and a new operation, whose names are in its bytes.
fn most_catalogue_bytes(spans: usize, encoded: usize) -> usize {
    2 * NAME_OVERHEAD * spans + encoded
}
