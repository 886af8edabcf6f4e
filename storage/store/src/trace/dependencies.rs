use std::collections::{BTreeMap, HashMap};

use crate::otlp::SpanInTrace;
use crate::{Dependency, TimeRange};

use super::span_id;

/// The calls between services, counted over many traces.
#[derive(Clone, Debug, Default)]
pub struct DependencyCounts(BTreeMap<(String, String), u64>);

/// What a span tells of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSpan<'a> {
    /// The span's id.
    pub id: [u8; 8],
    /// The parent's id, if there is one.
    pub parent: Option<[u8; 8]>,
    /// Nanoseconds since the Unix epoch.
    pub start: u64,
    /// The name of the span's service.
    pub service: &'a str,
}

impl<'a> From<&SpanInTrace<'a>> for CallSpan<'a> {
    fn from(span: &SpanInTrace<'a>) -> Self {
        Self {
            id: span_id(span.span.span_id),
            parent: span.span.parent().map(span_id),
            start: span.span.start,
            service: span.resource.service_name(),
        }
    }
}

impl DependencyCounts {
    /// Counts the calls of one trace: each span that starts within the range and whose parent is
    /// a span of another service. `spans` are all spans of the trace.
    ///
    /// When several spans have the parent's id (a client and a server that share one, or copies
    /// from a retry), a span of the child's own service is its parent, if there is one; else the
    /// one with the least start time and service name. A span without a service name neither
    /// calls nor is called.
    pub fn add(&mut self, spans: &[CallSpan<'_>], range: TimeRange) {
        let mut by_id = HashMap::<[u8; 8], Vec<&CallSpan<'_>>>::new();
        for span in spans {
            by_id.entry(span.id).or_default().push(span);
        }
        for child in spans.iter().filter(|span| range.contains(span.start)) {
            let service = child.service;
            let Some(parents) = child.parent.and_then(|id| by_id.get(&id)) else {
                continue;
            };
            let parent = parents
                .iter()
                .map(|parent| (parent.service != service, parent.start, parent.service))
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
