use bytes::Bytes;
use spoor_store::TimeRange;
use spoor_store::ingest::TraceSpans;
use spoor_store::otlp::{SpanInTrace, spans_of};

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
    bytes: usize,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            fragments: Vec::new(),
            starts: TimeRange { min: u64::MAX, max: 0 },
            spans: 0,
            bytes: TRACE_OVERHEAD,
        }
    }
}

impl Trace {
    pub(crate) fn append(&mut self, more: TraceSpans) {
        self.spans += more.spans;
        self.bytes += fragment_bytes(&more);
        for span in more.fragments.iter().flat_map(|fragment| spans_of(fragment)) {
            self.starts.min = self.starts.min.min(span.span.start);
            self.starts.max = self.starts.max.max(span.span.start);
        }
        self.fragments.extend(more.fragments);
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

    /// What the trace takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What these spans add to a trace that is there, in bytes.
pub(crate) fn fragment_bytes(spans: &TraceSpans) -> usize {
    spans.fragments.iter().map(|fragment| fragment.len() + FRAGMENT_OVERHEAD).sum()
}

/// What a trace that is not there yet adds to that, in bytes.
pub(crate) const fn new_trace_bytes() -> usize {
    TRACE_OVERHEAD
}
