//! Checks an export request and splits it by trace, copying bytes and decoding nothing.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::otlp::wire::{Fields, Value, WireError, put_varint, varint_len};
use crate::otlp::{
    RESOURCE_SPANS_ENVELOPE, Resource, SCOPE_SPANS_ENVELOPE, SPAN_SCHEMA, Span, number,
};
use crate::{CHUNK_BYTES, SpanId, TraceId, WriteError};

/// A span counts as late when it arrives more than this after its end, in nanoseconds.
const LATE_AFTER: u64 = 60_000_000_000;

/// An export request, checked and split.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The good spans by trace, in the order of each trace's first span.
    pub traces: Vec<TraceSpans>,
    /// What was accepted and what was not.
    pub written: Written,
}

/// The good spans of one trace in one request.
#[derive(Clone, Debug)]
pub struct TraceSpans {
    /// The trace's id.
    pub trace_id: TraceId,
    /// The spans as encoded `TracesData`, in their order, each below [`CHUNK_BYTES`] or of a
    /// single span.
    pub fragments: Vec<Bytes>,
    /// The number of spans.
    pub spans: usize,
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
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TraceId => "trace_id is not 16 bytes, or all zero",
            Self::SpanId => "span_id is not 8 bytes, or all zero",
            Self::ParentSpanId => "parent_span_id is neither 8 bytes nor absent",
            Self::LinkId => "a link's trace_id is not 16 bytes, or its span_id not 8",
        })
    }
}

/// Checks and splits a request that arrived at `now`, nanoseconds since the Unix epoch.
///
/// # Errors
/// [`WriteError::Malformed`] when the bytes are not an `ExportTraceServiceRequest`.
pub fn split(request: &[u8], now: u64) -> Result<Batch, WriteError> {
    Splitter { request, now, ..Splitter::default() }.run().map_err(|error| {
        WriteError::Malformed(format!("the bytes are not an ExportTraceServiceRequest: {error}"))
    })
}

/// Where a good span lies.
struct Located<'a> {
    trace: usize,
    resource: usize,
    scope: usize,
    raw: &'a [u8],
}

#[derive(Default)]
struct Splitter<'a> {
    request: &'a [u8],
    now: u64,
    // The messages around the spans, without their spans.
    resources: Vec<Vec<u8>>,
    scopes: Vec<Vec<u8>>,
    spans: Vec<Located<'a>>,
    trace_ids: Vec<TraceId>,
    index_of_trace: HashMap<TraceId, usize>,
    services: HashMap<&'a str, SpanCounts>,
    first_refusal: Option<Refusal>,
}

impl<'a> Splitter<'a> {
    fn run(mut self) -> Result<Batch, WireError> {
        for field in Fields::of(self.request) {
            let field = field?;
            if field.number == number::RESOURCE_SPANS {
                self.resource_spans(message(field.value)?)?;
            }
        }
        let mut services: Vec<_> =
            self.services.drain().map(|(name, counts)| (name.to_owned(), counts)).collect();
        services.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let written = Written { services, first_refusal: self.first_refusal };
        Ok(Batch { traces: self.by_trace(), written })
    }

    fn resource_spans(&mut self, resource_spans: &'a [u8]) -> Result<(), WireError> {
        let mut envelope = Vec::new();
        for field in Fields::of(resource_spans) {
            let field = field?;
            if field.number != number::SCOPE_SPANS {
                RESOURCE_SPANS_ENVELOPE.check_field(field.number, field.value)?;
                envelope.extend_from_slice(field.raw);
            }
        }
        self.resources.push(envelope);
        let service = Resource::parse(resource_spans).service_name();
        let mut counts = SpanCounts::default();
        for field in Fields::of(resource_spans) {
            let field = field?;
            if field.number == number::SCOPE_SPANS {
                self.scope_spans(message(field.value)?, &mut counts)?;
            }
        }
        if counts != SpanCounts::default() {
            let sum = self.services.entry(service).or_default();
            sum.accepted += counts.accepted;
            sum.refused += counts.refused;
            sum.late += counts.late;
        }
        Ok(())
    }

    fn scope_spans(
        &mut self,
        scope_spans: &'a [u8],
        counts: &mut SpanCounts,
    ) -> Result<(), WireError> {
        let mut envelope = Vec::new();
        for field in Fields::of(scope_spans) {
            let field = field?;
            if field.number != number::SPANS {
                SCOPE_SPANS_ENVELOPE.check_field(field.number, field.value)?;
                envelope.extend_from_slice(field.raw);
                continue;
            }
            let span = message(field.value)?;
            SPAN_SCHEMA.check(span)?;
            let span = Span::parse(span);
            match check_ids(&span) {
                Ok(trace_id) => {
                    counts.accepted += 1;
                    counts.late += u64::from(span.end.saturating_add(LATE_AFTER) < self.now);
                    let trace = self.trace_index(trace_id);
                    self.spans.push(Located {
                        trace,
                        resource: self.resources.len() - 1,
                        scope: self.scopes.len(),
                        raw: field.raw,
                    });
                }
                Err(refusal) => {
                    counts.refused += 1;
                    self.first_refusal.get_or_insert(refusal);
                }
            }
        }
        self.scopes.push(envelope);
        Ok(())
    }

    fn trace_index(&mut self, trace_id: TraceId) -> usize {
        // Spans of one trace mostly stand side by side.
        if let Some(last) = self.spans.last()
            && self.trace_ids[last.trace] == trace_id
        {
            return last.trace;
        }
        *self.index_of_trace.entry(trace_id).or_insert_with(|| {
            self.trace_ids.push(trace_id);
            self.trace_ids.len() - 1
        })
    }

    fn by_trace(mut self) -> Vec<TraceSpans> {
        // Stable, so that each trace's spans keep their order.
        self.spans.sort_by_key(|span| span.trace);
        self.spans
            .chunk_by(|a, b| a.trace == b.trace)
            .map(|spans| TraceSpans {
                trace_id: self.trace_ids[spans[0].trace],
                fragments: self.fragments(spans),
                spans: spans.len(),
            })
            .collect()
    }

    fn fragments(&self, spans: &[Located<'a>]) -> Vec<Bytes> {
        let mut fragments = Vec::with_capacity(1);
        let mut rest = 0..spans.len();
        while !rest.is_empty() {
            let taken = self.fitting(&spans[rest.clone()]);
            fragments.push(self.encode(&spans[rest.start..rest.start + taken]));
            rest.start += taken;
        }
        fragments
    }

    /// How many of the spans fit into one fragment; at least one. Counts each span's envelopes
    /// and headers where they change, at their longest.
    fn fitting(&self, spans: &[Located<'a>]) -> usize {
        const HEADER: usize = 11;
        let mut len = 0;
        let mut around = None;
        for (index, span) in spans.iter().enumerate() {
            len += span.raw.len();
            if around.replace((span.resource, span.scope)) != Some((span.resource, span.scope)) {
                len += self.resources[span.resource].len() + self.scopes[span.scope].len();
                len += 2 * HEADER;
            }
            if len >= CHUNK_BYTES && index > 0 {
                return index;
            }
        }
        spans.len()
    }

    /// Encodes a `TracesData` of the spans, their resources and scopes.
    fn encode(&self, spans: &[Located<'a>]) -> Bytes {
        let mut plan = Vec::new();
        for resource in spans.chunk_by(|a, b| a.resource == b.resource) {
            let scopes: Vec<(Range<usize>, usize)> = resource
                .chunk_by(|a, b| a.scope == b.scope)
                .scan(0, |start, scope| {
                    let range = *start..*start + scope.len();
                    *start = range.end;
                    let spans: usize = scope.iter().map(|span| span.raw.len()).sum();
                    Some((range, self.scopes[scope[0].scope].len() + spans))
                })
                .collect();
            let len = self.resources[resource[0].resource].len()
                + scopes.iter().map(|(_, len)| field_len(*len)).sum::<usize>();
            plan.push((resource, scopes, len));
        }
        let mut out = Vec::with_capacity(plan.iter().map(|(.., len)| field_len(*len)).sum());
        for (resource, scopes, len) in plan {
            put_header(number::RESOURCE_SPANS, len, &mut out);
            out.extend_from_slice(&self.resources[resource[0].resource]);
            for (range, len) in scopes {
                let scope = &resource[range];
                put_header(number::SCOPE_SPANS, len, &mut out);
                out.extend_from_slice(&self.scopes[scope[0].scope]);
                for span in scope {
                    out.extend_from_slice(span.raw);
                }
            }
        }
        out.into()
    }
}

fn check_ids(span: &Span<'_>) -> Result<TraceId, Refusal> {
    let trace_id = TraceId::from_slice(span.trace_id).ok_or(Refusal::TraceId)?;
    SpanId::from_slice(span.span_id).ok_or(Refusal::SpanId)?;
    if !matches!(span.parent_span_id.len(), 0 | 8) {
        return Err(Refusal::ParentSpanId);
    }
    let good_link = |(trace_id, span_id): (&[u8], &[u8])| {
        matches!(trace_id.len(), 0 | 16) && matches!(span_id.len(), 0 | 8)
    };
    if !span.links().all(|link| good_link(link.ids())) {
        return Err(Refusal::LinkId);
    }
    Ok(trace_id)
}

fn message(value: Value<'_>) -> Result<&[u8], WireError> {
    match value {
        Value::Len(bytes) => Ok(bytes),
        _ => Err(WireError::WireType),
    }
}

/// The length of a length-delimited field below the number 16 whose value has this length.
fn field_len(len: usize) -> usize {
    1 + varint_len(len) + len
}

fn put_header(number: u32, len: usize, out: &mut Vec<u8>) {
    const LEN_DELIMITED: u32 = 2;
    put_varint((number << 3 | LEN_DELIMITED) as usize, out);
    put_varint(len, out);
}
