use bytes::Bytes;

use crate::otlp::{field_len, number, put_header};
use crate::{CHUNK_BYTES, TraceId};

use super::Batch;
use super::splitter::Located;

/// The good spans of one trace in one request.
#[derive(Clone, Copy, Debug)]
pub struct TraceSpans<'b> {
    batch: &'b Batch<'b>,
    spans: &'b [Located<'b>],
}

/// A good span of a request, and what encloses it there, as bytes.
#[derive(Clone, Copy, Debug)]
pub struct RawSpan<'b> {
    /// The span as it stands in its `ScopeSpans`, key included.
    pub field: &'b [u8],
    /// Its `ResourceSpans` message without scope spans.
    pub resource: &'b [u8],
    /// Its `ScopeSpans` message without spans.
    pub scope: &'b [u8],
    /// The index of its `ScopeSpans` in the batch: spans of one index are enclosed alike.
    pub scope_index: usize,
    /// The name of the resource's service; empty if it has none.
    pub service: &'b str,
}

/// One `ResourceSpans` of a fragment: its spans, its length, and the lengths of its scopes.
struct PlannedResource<'b> {
    spans: &'b [Located<'b>],
    len: usize,
    scope_lens: Vec<usize>,
}

impl<'b> TraceSpans<'b> {
    /// The spans are at least one, and all of one trace.
    pub(super) fn new(batch: &'b Batch<'b>, spans: &'b [Located<'b>]) -> Self {
        Self { batch, spans }
    }

    pub(super) fn index(&self) -> usize {
        self.spans[0].trace
    }

    /// The trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.batch.trace_ids[self.index()]
    }

    /// The number of spans.
    pub fn span_count(&self) -> usize {
        self.spans.len()
    }

    /// The spans in their order.
    pub fn spans(&self) -> impl Iterator<Item = RawSpan<'b>> + use<'b> {
        let trace = *self;
        self.spans.iter().map(move |span| RawSpan {
            field: span.raw,
            resource: trace.resource(span),
            scope: trace.scope(span),
            scope_index: span.scope,
            service: trace.batch.services[trace.batch.resources[span.resource].service].0,
        })
    }

    /// The number of fragments, and the bytes they have together.
    pub fn encoded_len(&self) -> (usize, usize) {
        self.pieces().fold((0, 0), |(count, bytes), spans| {
            let len: usize = self.plan(spans).iter().map(|resource| field_len(resource.len)).sum();
            (count + 1, bytes + len)
        })
    }

    /// The spans as encoded `TracesData`, in their order, each below [`CHUNK_BYTES`] or of a
    /// single span.
    pub fn fragments(&self) -> impl Iterator<Item = Bytes> + use<'b> {
        let trace = *self;
        self.pieces().map(move |spans| trace.encode(spans))
    }

    /// The spans of each fragment.
    fn pieces(&self) -> impl Iterator<Item = &'b [Located<'b>]> + use<'b> {
        let trace = *self;
        let mut rest = self.spans;
        std::iter::from_fn(move || {
            let (piece, after) = rest.split_at(trace.fitting(rest));
            rest = after;
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// How many of the spans fit into one fragment; of some, at least one. Counts the messages
    /// around a span and their headers wherever they change, at their longest.
    fn fitting(&self, spans: &[Located<'_>]) -> usize {
        const HEADER: usize = 11;
        let mut len = 0;
        let mut around = None;
        for (index, span) in spans.iter().enumerate() {
            len += span.raw.len();
            if around.replace((span.resource, span.scope)) != Some((span.resource, span.scope)) {
                len += self.resource(span).len() + self.scope(span).len() + 2 * HEADER;
            }
            if len >= CHUNK_BYTES && index > 0 {
                return index;
            }
        }
        spans.len()
    }

    fn plan(&self, spans: &'b [Located<'b>]) -> Vec<PlannedResource<'b>> {
        let planned = spans.chunk_by(|a, b| a.resource == b.resource).map(|spans| {
            let scope_lens: Vec<_> = scopes(spans)
                .map(|scope| {
                    let spans: usize = scope.iter().map(|span| span.raw.len()).sum();
                    self.scope(&scope[0]).len() + spans
                })
                .collect();
            let scopes: usize = scope_lens.iter().map(|len| field_len(*len)).sum();
            PlannedResource { spans, len: self.resource(&spans[0]).len() + scopes, scope_lens }
        });
        planned.collect()
    }

    fn encode(&self, spans: &'b [Located<'b>]) -> Bytes {
        let plan = self.plan(spans);
        let len = plan.iter().map(|resource| field_len(resource.len)).sum();
        let mut out = Vec::with_capacity(len);
        for PlannedResource { spans, len, scope_lens } in plan {
            put_header(number::RESOURCE_SPANS, len, &mut out);
            out.extend_from_slice(self.resource(&spans[0]));
            for (scope, len) in scopes(spans).zip(scope_lens) {
                put_header(number::SCOPE_SPANS, len, &mut out);
                out.extend_from_slice(self.scope(&scope[0]));
                for span in scope {
                    out.extend_from_slice(span.raw);
                }
            }
        }
        out.into()
    }

    fn resource(&self, span: &Located<'_>) -> &'b [u8] {
        &self.batch.resources[span.resource].envelope
    }

    fn scope(&self, span: &Located<'_>) -> &'b [u8] {
        &self.batch.scopes[span.scope]
    }
}

fn scopes<'b>(spans: &'b [Located<'b>]) -> impl Iterator<Item = &'b [Located<'b>]> {
    spans.chunk_by(|a, b| a.scope == b.scope)
}
