//! What was sent, told in the numbers that answers must have.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use crate::generator::{Draft, Random, Trace, Traffic};

/// How many traces and orders are remembered to ask for.
const SAMPLES: usize = 400;

/// A search of Jaeger's storage API, by the fields that it has always had.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Empty for any.
    pub service: &'static str,
    /// Empty for any.
    pub operation: &'static str,
    /// Keys of spans' attributes with the text form of the value.
    pub attributes: Vec<(&'static str, String)>,
    /// The least duration, nanoseconds.
    pub least_duration: u64,
    /// The start times, nanoseconds since the Unix epoch, both inclusive.
    pub window: Option<(u64, u64)>,
    /// What those fields cannot ask.
    pub structured: Option<Structured>,
}

/// A condition on an attribute of a span, that only a structured filter has.
#[derive(Clone, Copy, Debug)]
pub enum Structured {
    /// It has one of the texts inside.
    Regex(&'static str, [&'static str; 2]),
    /// It is not there, or another text.
    Not(&'static str, &'static str),
    /// It is a whole number, and at least this one.
    AtLeast(&'static str, i64),
}

pub struct Truth {
    pub traces: usize,
    pub spans: usize,
    operations: BTreeMap<&'static str, BTreeSet<String>>,
    /// Calls from one service to another.
    pub calls: u64,
    searches: Vec<(Search, usize)>,
    /// Beyond this many, it doesn't matter how many traces a search finds.
    limit: usize,
    pub sampled: Sample<([u8; 16], usize)>,
    pub orders: Sample<String>,
}

/// Some of many, each as probable as any other (reservoir sampling).
pub struct Sample<T> {
    kept: Vec<T>,
    seen: usize,
    random: Random,
}

impl Truth {
    /// Counts for these searches, of which no answer holds more than `limit` traces.
    pub fn new(searches: Vec<Search>, limit: usize) -> Self {
        Self {
            traces: 0,
            spans: 0,
            operations: BTreeMap::new(),
            calls: 0,
            searches: searches.into_iter().map(|search| (search, 0)).collect(),
            limit,
            sampled: Sample::new(1),
            orders: Sample::new(2),
        }
    }

    pub fn observe(&mut self, traffic: &dyn Traffic, trace: &Trace) {
        let drafts = &trace.drafts;
        self.traces += 1;
        self.spans += drafts.len();
        let mut order = None;
        let mut service_of = HashMap::with_capacity(drafts.len());
        for draft in drafts {
            let service = traffic.service(draft.pod);
            service_of.insert(&draft.span.span_id[..], service);
            let operations = self.operations.entry(service).or_default();
            if !operations.contains(&draft.span.name) {
                operations.insert(draft.span.name.clone());
            }
            if order.is_none() && service == "payment" {
                order = attribute(&draft.span.attributes, "app.order.id").map(text_of);
            }
        }
        for draft in drafts {
            let caller = service_of.get(&draft.span.parent_span_id[..]);
            self.calls +=
                u64::from(caller.is_some_and(|caller| *caller != traffic.service(draft.pod)));
        }
        for (search, found) in &mut self.searches {
            let matches = |draft| search.matches(traffic, draft);
            if *found < self.limit && drafts.iter().any(matches) {
                *found += 1;
            }
        }
        if let Some(draft) = drafts.first() {
            let id = draft.span.trace_id[..].try_into().unwrap_or_default();
            self.sampled.offer(|| (id, drafts.len()));
        }
        if let Some(order) = order {
            self.orders.offer(|| order);
        }
    }

    pub fn services(&self) -> usize {
        self.operations.len()
    }

    /// The names of a service's operations, whatever their kind.
    pub fn operations(&self, service: &str) -> usize {
        self.operations.get(service).map_or(0, BTreeSet::len)
    }

    /// How many traces the search finds that was given with this number.
    pub fn found(&self, search: usize) -> usize {
        self.searches.get(search).map_or(0, |(_, found)| *found)
    }
}

impl<T> Sample<T> {
    fn new(seed: u64) -> Self {
        Self { kept: Vec::new(), seen: 0, random: Random::new(seed) }
    }

    fn offer(&mut self, make: impl FnOnce() -> T) {
        self.seen += 1;
        if self.kept.len() < SAMPLES {
            self.kept.push(make());
        } else if let Some(kept) = self.kept.get_mut(self.random.below(self.seen)) {
            *kept = make();
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter()
    }
}

impl Search {
    fn matches(&self, traffic: &dyn Traffic, draft: &Draft) -> bool {
        let span = &draft.span;
        let start = span.start_time_unix_nano;
        (self.service.is_empty() || self.service == traffic.service(draft.pod))
            && (self.operation.is_empty() || self.operation == span.name)
            && self.window.is_none_or(|(first, last)| (first..=last).contains(&start))
            && span.end_time_unix_nano - start >= self.least_duration
            && self.attributes.iter().all(|(key, text)| {
                attribute(&span.attributes, key).is_some_and(|value| text_of(value) == *text)
            })
            && self.structured.is_none_or(|structured| structured.matches(&span.attributes))
    }
}

impl Structured {
    fn matches(self, attributes: &[KeyValue]) -> bool {
        match self {
            Self::Regex(key, inside) => attribute(attributes, key).is_some_and(|value| {
                let text = text_of(value);
                inside.iter().any(|inside| text.contains(inside))
            }),
            Self::Not(key, text) => {
                attribute(attributes, key).is_none_or(|value| text_of(value) != text)
            }
            Self::AtLeast(key, least) => attribute(attributes, key)
                .is_some_and(|value| matches!(value, Value::IntValue(it) if *it >= least)),
        }
    }
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        // Nothing searches for the others.
        _ => String::new(),
    }
}
