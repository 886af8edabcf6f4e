use std::collections::BTreeMap;

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
    ///
    /// `call` tells what a span is in calls: whoever holds many spans need not hold them so.
    pub fn add<'a, T>(
        &mut self,
        spans: &'a [T],
        call: impl Fn(&'a T) -> CallSpan<'a>,
        range: TimeRange,
    ) {
        // Four bytes a span besides those that the caller has: a trace may be large.
        let mut by_id: Vec<u32> = (0..spans.len() as u32).collect();
        let span = |index: &u32| call(&spans[*index as usize]);
        by_id.sort_unstable_by_key(|index| span(index).id);
        for child in spans.iter().map(&call).filter(|child| range.contains(child.start)) {
            let Some(id) = child.parent else { continue };
            let first = by_id.partition_point(|index| span(index).id < id);
            let parent = by_id[first..]
                .iter()
                .map(span)
                .take_while(|parent| parent.id == id)
                .map(|parent| (parent.service != child.service, parent.start, parent.service))
                .min()
                .filter(|(is_other, _, parent)| {
                    *is_other && !parent.is_empty() && !child.service.is_empty()
                });
            if let Some((_, _, parent)) = parent {
                *self.0.entry((parent.to_owned(), child.service.to_owned())).or_default() += 1;
            }
        }
    }

    /// How many pairs of services were counted.
    pub fn pairs(&self) -> usize {
        self.0.len()
    }

    /// The bytes of the names in all pairs.
    pub fn name_bytes(&self) -> usize {
        self.0.keys().map(|(parent, child)| parent.len() + child.len()).sum()
    }

    /// The counts, sorted by parent, then child.
    pub fn into_sorted(self) -> Vec<Dependency> {
        self.0
            .into_iter()
            .map(|((parent, child), calls)| Dependency { parent, child, calls })
            .collect()
    }
}
