use std::collections::{BTreeMap, HashSet};

use crate::TraceId;
use crate::otlp::{SpanInTrace, StatusCode};

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

/// Summarizes a trace, of which it is told all spans in any order, at least one. Of a span it
/// keeps the ids.
#[derive(Clone, Debug)]
pub struct Summarizer {
    trace_id: TraceId,
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
    pub fn new(trace_id: TraceId) -> Self {
        Self {
            trace_id,
            start: u64::MAX,
            end: 0,
            services: BTreeMap::new(),
            root: None,
            ids: HashSet::new(),
            parents: Vec::new(),
        }
    }

    /// Tells of a span.
    pub fn add(&mut self, SpanInTrace { resource, span, .. }: &SpanInTrace<'_>) {
        self.start = self.start.min(span.start);
        self.end = self.end.max(span.end);
        let name = resource.service_name();
        if !self.services.contains_key(name) {
            let service = ServiceSummary { name: name.to_owned(), ..ServiceSummary::default() };
            self.services.insert(name.to_owned(), service);
        }
        if let Some(service) = self.services.get_mut(name) {
            service.spans += 1;
            service.errors += u64::from(span.status == StatusCode::Error);
        }
        let id = span_id(span.span_id);
        self.ids.insert(id);
        match span.parent() {
            Some(parent) => self.parents.push(span_id(parent)),
            None => {
                let before = self.root.as_ref();
                let rank = |root: &(u64, [u8; 8], String, String)| {
                    (span.start, id, name, span.name) < (root.0, root.1, &*root.2, &*root.3)
                };
                if before.is_none_or(rank) {
                    self.root = Some((span.start, id, name.to_owned(), span.name.to_owned()));
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
            trace_id: self.trace_id,
            root_service,
            root_operation,
            start: self.start,
            end: self.end,
            spans: services.iter().map(|service| service.spans).sum(),
            errors: services.iter().map(|service| service.errors).sum(),
            orphans: orphans as u64,
            services,
        }
    }
}
