//! What the generated spans look like.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::random::mix;
use super::{Trace, Traffic};

#[derive(Default)]
pub struct Statistics {
    traces: usize,
    spans: usize,
    errors: usize,
    events: usize,
    links: usize,
    attributes: usize,
    largest_trace: usize,
    keys: BTreeMap<String, Key>,
    operations: HashMap<(&'static str, String), usize>,
    processes: HashSet<usize>,
}

/// The values of one key.
#[derive(Default)]
pub struct Key {
    pub times: usize,
    pub kinds: BTreeSet<&'static str>,
    distinct: HashSet<u64>,
}

impl Key {
    pub fn distinct(&self) -> usize {
        self.distinct.len()
    }
}

impl Statistics {
    pub fn observe(&mut self, traffic: &dyn Traffic, trace: &Trace) {
        self.traces += 1;
        self.spans += trace.drafts.len();
        self.largest_trace = self.largest_trace.max(trace.drafts.len());
        for draft in &trace.drafts {
            let span = &draft.span;
            self.attributes += span.attributes.len();
            self.events += span.events.len();
            self.links += span.links.len();
            self.errors += usize::from(span.status.as_ref().is_some_and(|status| status.code == 2));
            let operation = (traffic.service(draft.pod), span.name.clone());
            *self.operations.entry(operation).or_default() += 1;
            self.count(&span.attributes);
            span.events.iter().for_each(|event| self.count(&event.attributes));
            span.links.iter().for_each(|link| self.count(&link.attributes));
            if self.processes.insert(draft.pod) {
                self.count(&traffic.resource(draft.pod).attributes);
            }
        }
    }

    fn count(&mut self, attributes: &[KeyValue]) {
        for attribute in attributes {
            let Some(value) = attribute.value.as_ref().and_then(|value| value.value.as_ref())
            else {
                continue;
            };
            let (kind, text) = match value {
                Value::StringValue(text) => ("string", text.clone()),
                Value::BoolValue(value) => ("bool", value.to_string()),
                Value::IntValue(value) => ("int", value.to_string()),
                Value::DoubleValue(value) => ("double", value.to_string()),
                other => ("array", format!("{other:?}")),
            };
            if !self.keys.contains_key(&attribute.key) {
                self.keys.insert(attribute.key.clone(), Key::default());
            }
            let Some(key) = self.keys.get_mut(&attribute.key) else { continue };
            key.times += 1;
            key.kinds.insert(kind);
            key.distinct.insert(mix(&text, 0));
        }
    }

    pub fn attributes_per_span(&self) -> f64 {
        self.attributes as f64 / self.spans as f64
    }

    /// Of every level.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.keys.iter().map(|(key, values)| (key.as_str(), values))
    }

    /// One line on what was generated.
    pub fn summary(&self) -> String {
        let mut frequent: Vec<_> = self.operations.values().copied().collect();
        frequent.sort_unstable_by(|a, b| b.cmp(a));
        let top: usize = frequent.iter().take(10).sum();
        let spans = self.spans.max(1);
        format!(
            "{} processes, {} operations (the ten most frequent have {:.0} % of the spans), \
             {:.1} spans a trace (at most {}), {:.1} attributes a span, {} keys, {:.2} % errors, \
             {:.3} events and {:.4} links a span",
            self.processes.len(),
            self.operations.len(),
            100.0 * top as f64 / spans as f64,
            self.spans as f64 / self.traces.max(1) as f64,
            self.largest_trace,
            self.attributes_per_span(),
            self.keys.len(),
            100.0 * self.errors as f64 / spans as f64,
            self.events as f64 / spans as f64,
            self.links as f64 / spans as f64,
        )
    }
}
