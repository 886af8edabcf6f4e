//! What lines of a trace have in common: colours of services, the critical path, gaps and links.

use std::collections::{HashMap, HashSet};
use std::ptr::from_ref;

use traces::{Span, Stretch, Trace};

/// Of the whole: shorter ones are what a program needs between two calls.
const GAP: f64 = 0.05;

/// Where a span is among those of its trace.
type Place = *const Span;

pub(super) struct Marks<'a> {
    services: Vec<(&'a str, usize)>,
    colours: HashMap<&'a str, usize>,
    critical: HashMap<Place, Vec<(u64, u64)>>,
    gaps: HashMap<Place, Vec<(u64, u64)>>,
    longest: Option<Stretch<'a>>,
    largest_gap: Option<Stretch<'a>>,
    linked: HashSet<&'a str>,
}

impl<'a> Marks<'a> {
    pub fn of(trace: &'a Trace) -> Self {
        let services = services(trace);
        let colours = services.iter().enumerate().map(|(place, (name, _))| (*name, place));
        let colours = colours.collect();
        let (path, gaps) = (trace.critical_path(), trace.gaps(GAP));
        let longest = |of: &[Stretch<'a>]| of.iter().copied().max_by_key(Stretch::duration);
        let links = trace
            .spans()
            .iter()
            .flat_map(|span| span.links.iter().filter(|link| link.trace_id == span.trace_id));
        Self {
            services,
            colours,
            longest: longest(&path),
            largest_gap: longest(&gaps),
            critical: by_span(&path),
            gaps: by_span(&gaps),
            linked: links.map(|link| &*link.span_id).collect(),
        }
    }

    /// Each with the number of its spans, in the order of their first.
    pub fn services(&self) -> &[(&'a str, usize)] {
        &self.services
    }

    pub fn colour(&self, service: &str) -> usize {
        self.colours.get(service).copied().unwrap_or_default()
    }

    /// From when to when the span is on the critical path.
    pub fn critical(&self, span: &Span) -> impl Iterator<Item = (u64, u64)> {
        self.critical.get(&from_ref(span)).into_iter().flatten().copied()
    }

    /// From when to when no span explains what it did.
    pub fn gaps(&self, span: &Span) -> impl Iterator<Item = (u64, u64)> {
        self.gaps.get(&from_ref(span)).into_iter().flatten().copied()
    }

    pub fn longest(&self) -> Option<&'a Span> {
        self.longest.map(|stretch| stretch.span)
    }

    pub fn largest_gap(&self) -> Option<&'a Span> {
        self.largest_gap.map(|stretch| stretch.span)
    }

    /// Whether another span of the trace links to it.
    pub fn is_linked(&self, span: &Span) -> bool {
        self.linked.contains(&*span.id)
    }
}

fn by_span(stretches: &[Stretch<'_>]) -> HashMap<Place, Vec<(u64, u64)>> {
    let mut by_span: HashMap<Place, Vec<_>> = HashMap::new();
    for stretch in stretches {
        by_span.entry(from_ref(stretch.span)).or_default().push((stretch.start, stretch.end));
    }
    by_span
}

/// Each service with the number of its spans, in the order of their first. There may be as many as
/// spans.
fn services(trace: &Trace) -> Vec<(&str, usize)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut services: Vec<(&str, usize)> = Vec::new();
    for span in trace.spans() {
        let place = *places.entry(&span.service).or_insert_with(|| {
            services.push((&span.service, 0));
            services.len() - 1
        });
        services[place].1 += 1;
    }
    services
}
