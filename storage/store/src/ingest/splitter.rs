use std::collections::HashMap;

use crate::otlp::wire::{Fields, Value, WireError};
use crate::otlp::{
    RESOURCE_SPANS_ENVELOPE, Resource, SCOPE_SPANS_ENVELOPE, SPAN_SCHEMA, Span, number,
};
use crate::{SpanId, TraceId};

use super::{Batch, Refusal, ResourceAround};

/// A span counts as late when it arrives more than this after its end, in nanoseconds.
const LATE_AFTER: u64 = 60_000_000_000;

/// A good span and where it lies.
#[derive(Debug)]
pub(super) struct Located<'a> {
    /// The index of its trace.
    pub(super) trace: usize,
    /// The index of what is around it.
    pub(super) resource: usize,
    pub(super) scope: usize,
    /// The span as it stands in its `ScopeSpans`, key included.
    pub(super) raw: &'a [u8],
    pub(super) late: bool,
}

/// Reads a request into a [`Batch`].
pub(super) struct Splitter<'a> {
    now: u64,
    trace_indices: HashMap<TraceId, usize>,
    batch: Batch<'a>,
}

impl<'a> Splitter<'a> {
    pub(super) fn new(now: u64) -> Self {
        Self { now, trace_indices: HashMap::new(), batch: Batch::default() }
    }

    pub(super) fn split(mut self, request: &'a [u8]) -> Result<Batch<'a>, WireError> {
        for field in Fields::of(request) {
            let field = field?;
            if field.number == number::RESOURCE_SPANS {
                self.resource_spans(message(field.value)?)?;
            }
        }
        // Stable, so that each trace's spans keep their order.
        self.batch.spans.sort_by_key(|span| span.trace);
        Ok(self.batch)
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
        let service = self.service_index(Resource::parse(resource_spans).service_name());
        let spans_before = self.batch.spans.len();
        for field in Fields::of(resource_spans) {
            let field = field?;
            if field.number == number::SCOPE_SPANS {
                self.scope_spans(message(field.value)?, service)?;
            }
        }
        // A request may be nothing but empty messages: they take no memory.
        if self.batch.spans.len() > spans_before {
            self.batch.resources.push(ResourceAround { envelope, service });
        }
        Ok(())
    }

    fn scope_spans(&mut self, scope_spans: &'a [u8], service: usize) -> Result<(), WireError> {
        let mut envelope = Vec::new();
        let spans_before = self.batch.spans.len();
        for field in Fields::of(scope_spans) {
            let field = field?;
            if field.number == number::SPANS {
                self.span(message(field.value)?, field.raw, service)?;
            } else {
                SCOPE_SPANS_ENVELOPE.check_field(field.number, field.value)?;
                envelope.extend_from_slice(field.raw);
            }
        }
        if self.batch.spans.len() > spans_before {
            self.batch.scopes.push(envelope);
        }
        Ok(())
    }

    fn span(&mut self, span: &'a [u8], raw: &'a [u8], service: usize) -> Result<(), WireError> {
        SPAN_SCHEMA.check(span)?;
        let span = Span::parse(span);
        let judged = check_ids(&span);
        let late = judged.is_ok() && span.end.saturating_add(LATE_AFTER) < self.now;
        let counts = &mut self.batch.services[service].1;
        counts.accepted += u64::from(judged.is_ok());
        counts.refused += u64::from(judged.is_err());
        counts.late += u64::from(late);
        match judged {
            Ok(trace_id) => {
                let trace = self.trace_index(trace_id);
                let (resource, scope) = (self.batch.resources.len(), self.batch.scopes.len());
                self.batch.spans.push(Located { trace, resource, scope, raw, late });
            }
            Err(refusal) => {
                self.batch.first_refusal.get_or_insert(refusal);
            }
        }
        Ok(())
    }

    fn service_index(&mut self, name: &'a str) -> usize {
        let Batch { services, service_indices, .. } = &mut self.batch;
        *service_indices.entry(name).or_insert_with(|| {
            services.push((name, super::SpanCounts::default()));
            services.len() - 1
        })
    }

    fn trace_index(&mut self, trace_id: TraceId) -> usize {
        let Batch { spans, trace_ids, .. } = &mut self.batch;
        // Spans of one trace mostly stand side by side.
        if let Some(last) = spans.last()
            && trace_ids[last.trace] == trace_id
        {
            return last.trace;
        }
        *self.trace_indices.entry(trace_id).or_insert_with(|| {
            trace_ids.push(trace_id);
            trace_ids.len() - 1
        })
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
