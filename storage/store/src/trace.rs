//! What is told about a whole trace: its summary, and the calls between its services. Both are
//! computed from all of its spans, so the result does not depend on how they arrived.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::otlp::{Span, SpanInTrace, StatusCode};
use crate::{Dependency, FoundTrace, TimeRange, TraceId};

/// The calls between services, counted over many traces.
#[derive(Clone, Debug, Default)]
pub struct DependencyCounts(BTreeMap<(String, String), u64>);

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

/// Summarizes a trace. `spans` are all of its spans, at least one.
pub fn summarize<'a>(
    trace_id: TraceId,
    spans: impl Iterator<Item = SpanInTrace<'a>> + Clone,
) -> TraceSummary {
    let ids: HashSet<_> = spans.clone().map(|span| span.span.span_id).collect();
    let mut services = BTreeMap::<&str, ServiceSummary>::new();
    let mut orphans = 0;
    for SpanInTrace { resource, span, .. } in spans.clone() {
        let service = services.entry(resource.service_name()).or_default();
        service.spans += 1;
        service.errors += u64::from(span.status == StatusCode::Error);
        orphans += u64::from(span.parent().is_some_and(|parent| !ids.contains(parent)));
    }
    let services: Vec<_> = services
        .into_iter()
        .map(|(name, counts)| ServiceSummary { name: name.to_owned(), ..counts })
        .collect();
    // Of several that start together, the least id, service and name: never a matter of arrival.
    let root = spans.clone().filter(|span| span.span.parent().is_none()).min_by_key(|span| {
        (span.span.start, span.span.span_id, span.resource.service_name(), span.span.name)
    });
    let FoundTrace { start, end, .. } = extent(trace_id, spans);
    TraceSummary {
        trace_id,
        root_service: root.map_or("", |root| root.resource.service_name()).to_owned(),
        root_operation: root.map_or("", |root| root.span.name).to_owned(),
        start,
        end,
        spans: services.iter().map(|service| service.spans).sum(),
        errors: services.iter().map(|service| service.errors).sum(),
        orphans,
        services,
    }
}

/// The times between which a trace's spans lie. `spans` are all of its spans, at least one.
pub fn extent<'a>(trace_id: TraceId, spans: impl Iterator<Item = SpanInTrace<'a>>) -> FoundTrace {
    spans.fold(FoundTrace { trace_id, start: u64::MAX, end: 0 }, |found, span| FoundTrace {
        start: found.start.min(span.span.start),
        end: found.end.max(span.span.end),
        ..found
    })
}

impl DependencyCounts {
    /// Counts the calls of one trace: each span that starts within the range and whose parent is
    /// a span of another service. `spans` are all spans of the trace.
    ///
    /// When several spans have the parent's id (a client and a server that share one, or copies
    /// from a retry), a span of the child's own service is its parent, if there is one; else the
    /// one with the least start time and service name. A span without a service name neither
    /// calls nor is called.
    pub fn add<'a>(
        &mut self,
        spans: impl Iterator<Item = SpanInTrace<'a>> + Clone,
        range: TimeRange,
    ) {
        let mut by_id = HashMap::<&[u8], Vec<(&Span<'a>, &str)>>::new();
        let spans: Vec<_> = spans.collect();
        for span in &spans {
            by_id
                .entry(span.span.span_id)
                .or_default()
                .push((&span.span, span.resource.service_name()));
        }
        for child in spans.iter().filter(|span| range.contains(span.span.start)) {
            let service = child.resource.service_name();
            let Some(parents) = child.span.parent().and_then(|id| by_id.get(id)) else {
                continue;
            };
            let parent = parents
                .iter()
                .map(|(span, parent)| (*parent != service, span.start, *parent))
                .min()
                .filter(|(other, _, parent)| *other && !parent.is_empty() && !service.is_empty());
            if let Some((_, _, parent)) = parent {
                *self.0.entry((parent.to_owned(), service.to_owned())).or_default() += 1;
            }
        }
    }

    /// The counts, sorted by parent, then child.
    pub fn into_sorted(self) -> Vec<Dependency> {
        self.0
            .into_iter()
            .map(|((parent, child), calls)| Dependency { parent, child, calls })
            .collect()
    }
}
