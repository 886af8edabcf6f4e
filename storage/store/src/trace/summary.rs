use std::collections::{BTreeMap, HashSet};

use crate::otlp::{SpanInTrace, StatusCode};
use crate::{TraceId, TraceRank};

use super::span_id;

/// A trace in short. The rules are those of Jaeger's `TraceSummary` (api_v3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSummary {
    /// The trace's id.
    pub trace_id: TraceId,
    /// The service of the root: of the spans without a parent, the one that starts first. Empty
    /// when every span has a parent.
    pub root_service: String,
    /// The name of the root.
    pub root_operation: String,
    /// The earliest start, nanoseconds since the Unix epoch.
    pub start: u64,
    /// The latest end, nanoseconds since the Unix epoch.
    pub end: u64,
    /// The number of spans.
    pub spans: u64,
    /// The number of spans whose status is an error.
    pub errors: u64,
    /// The number of spans whose parent is not in the trace.
    pub orphans: u64,
    /// The services, sorted by name.
    pub services: Vec<ServiceSummary>,
    /// The latest start of the spans that matched the search, nanoseconds since the Unix epoch.
    pub matched: u64,
}

/// A service's share of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceSummary {
    /// The service's name.
    pub name: String,
    /// The number of its spans.
    pub spans: u64,
    /// The number of its spans whose status is an error.
    pub errors: u64,
}

/// What a summary needs of a span.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    /// The span's id.
    pub id: [u8; 8],
    /// The parent's id, if there is one.
    pub parent: Option<[u8; 8]>,
    /// Nanoseconds since the Unix epoch.
    pub start: u64,
    /// Nanoseconds since the Unix epoch.
    pub end: u64,
    /// The name of the span's service.
    pub service: &'a str,
    /// The span's name.
    pub name: &'a str,
    /// Whether its status is an error.
    pub is_error: bool,
}

impl<'a> From<&SpanInTrace<'a>> for Outline<'a> {
    fn from(SpanInTrace { resource, span, .. }: &SpanInTrace<'a>) -> Self {
        Self {
            id: span_id(span.span_id),
            parent: span.parent().map(span_id),
            start: span.start,
            end: span.end,
            service: resource.service_name(),
            name: span.name,
            is_error: span.status == StatusCode::Error,
        }
    }
}

/// Summarizes a trace, of which it is told all spans in any order, at least one. Of a span it
/// keeps the ids.
#[derive(Clone, Debug)]
pub struct Summarizer {
    rank: TraceRank,
    start: u64,
    end: u64,
    services: BTreeMap<String, ServiceSummary>,
    /// Of several roots that start together, the least id, service and name: never a matter of
    /// arrival.
    root: Option<(u64, [u8; 8], String, String)>,
    ids: HashSet<[u8; 8]>,
    parents: Vec<[u8; 8]>,
}

impl Summarizer {
    /// Of a trace whose spans are yet to be told.
    pub fn new(rank: TraceRank) -> Self {
        Self {
            rank,
            start: u64::MAX,
            end: 0,
            services: BTreeMap::new(),
            root: None,
            ids: HashSet::new(),
            parents: Vec::new(),
        }
    }

    /// Tells of a span.
    pub fn add(&mut self, span: &Outline<'_>) {
        let Outline { id, parent, start, end, service, name, is_error } = *span;
        self.start = self.start.min(start);
        self.end = self.end.max(end);
        if !self.services.contains_key(service) {
            let of = ServiceSummary { name: service.to_owned(), ..ServiceSummary::default() };
            self.services.insert(service.to_owned(), of);
        }
        if let Some(service) = self.services.get_mut(service) {
            service.spans += 1;
            service.errors += u64::from(is_error);
        }
        self.ids.insert(id);
        match parent {
            Some(parent) => self.parents.push(parent),
            None => {
                let before = self.root.as_ref();
                let rank = |root: &(u64, [u8; 8], String, String)| {
                    (start, id, service, name) < (root.0, root.1, &*root.2, &*root.3)
                };
                if before.is_none_or(rank) {
                    self.root = Some((start, id, service.to_owned(), name.to_owned()));
                }
            }
        }
    }

    /// What was told comes to this.
    pub fn finish(self) -> TraceSummary {
        let services: Vec<_> = self.services.into_values().collect();
        let (_, _, root_service, root_operation) = self.root.unwrap_or_default();
        let orphans = self.parents.iter().filter(|parent| !self.ids.contains(*parent)).count();
        TraceSummary {
            trace_id: self.rank.trace_id,
            root_service,
            root_operation,
            start: self.start,
            end: self.end,
            spans: services.iter().map(|service| service.spans).sum(),
            errors: services.iter().map(|service| service.errors).sum(),
            orphans: orphans as u64,
            services,
            matched: self.rank.start,
        }
    }
}
