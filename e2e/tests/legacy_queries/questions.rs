//! Random questions, most of which have an answer: their conditions are told of a span that was
//! sent.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use rand::seq::IndexedRandom;
use rand::{RngExt, rngs::StdRng};

use crate::sent::{KINDS, Kept, STATUSES, Trace, attributes, text_of};
use crate::traces::{SERVICES, text};

const SECOND: u64 = 1_000_000_000;

/// What both servers are asked.
#[derive(Clone, Debug)]
pub enum Question {
    FindTraces(Search),
    FindTraceIds(Search),
    /// By id, each with a time that may be wrong.
    GetTraces(Vec<(Vec<u8>, Option<u64>)>),
    Services,
    Operations {
        service: String,
        kind: String,
    },
    Dependencies {
        start: Option<u64>,
        end: Option<u64>,
    },
}

/// The fields of a legacy search. Times are nanoseconds since the epoch; `None`, zero and the empty
/// text mean any.
#[derive(Clone, Debug, Default)]
pub struct Search {
    pub service: String,
    pub operation: String,
    pub attributes: Vec<(String, Option<AnyValue>)>,
    pub start: (Option<u64>, Option<u64>),
    pub duration: (u64, u64),
    pub depth: i32,
}

impl Question {
    pub fn random(random: &mut StdRng, traces: &[Trace]) -> Self {
        match random.random_range(0..100) {
            0..45 => Self::FindTraces(search(random, traces)),
            45..70 => Self::FindTraceIds(search(random, traces)),
            70..80 => Self::GetTraces(ids(random, traces)),
            80 => Self::Services,
            81..88 => Self::operations(random, traces),
            _ => Self::dependencies(random, traces),
        }
    }

    fn operations(random: &mut StdRng, traces: &[Trace]) -> Self {
        let service = match random.random_range(0..10) {
            0 => "nobody",
            _ => &span(random, traces).service,
        };
        let kind = match random.random_range(0..10) {
            0..4 => "",
            4 => "Server",
            5 => "servant",
            _ => KINDS[random.random_range(0..KINDS.len())],
        };
        Self::Operations { service: service.to_owned(), kind: kind.to_owned() }
    }

    fn dependencies(random: &mut StdRng, traces: &[Trace]) -> Self {
        let time = |random: &mut StdRng| span(random, traces).span().start_time_unix_nano;
        let (one, other) = (time(random), time(random));
        let (start, end) = (one.min(other), one.max(other));
        match random.random_range(0..12) {
            0 => Self::Dependencies { start: None, end: Some(end) },
            1 => Self::Dependencies { start: Some(start), end: None },
            2 => Self::Dependencies { start: Some(end), end: Some(start) },
            _ => Self::Dependencies { start: Some(start), end: Some(end) },
        }
    }
}

fn search(random: &mut StdRng, traces: &[Trace]) -> Search {
    let like = span(random, traces);
    let depth = match random.random_range(0..20) {
        0 => [0, -1][random.random_range(0..2)],
        1..9 => random.random_range(1..5),
        9..15 => 20,
        _ => 10_000,
    };
    let mut search = Search { depth, ..Search::default() };
    if depth < 1 && random.random() {
        // Each trace has it: more than a store answers with by itself.
        search.service = SERVICES[0].to_owned();
        return search;
    }
    if random.random_bool(0.05) {
        let (like, attribute) = scarce(random, traces);
        search.service.clone_from(&like.service);
        search.attributes.push((attribute.key.clone(), attribute.value.clone()));
        return search;
    }
    if random.random_bool(0.75) {
        search.service.clone_from(&like.service);
    }
    if random.random_bool(0.3) {
        search.operation.clone_from(&like.span().name);
    }
    for _ in 0..[0, 0, 1, 1, 1, 2][random.random_range(0..6)] {
        search.attributes.push(condition(random, like));
    }
    if !search.attributes.is_empty() && random.random_bool(0.1) {
        let again = (search.attributes[0].0.clone(), value(text("z")));
        search.attributes.insert(0, again);
    }
    if random.random_bool(0.6) {
        let start = like.span().start_time_unix_nano;
        let around = [0, 1, 5 * SECOND, 100 * SECOND][random.random_range(0..4)];
        let min = random.random_bool(0.8).then(|| start - around);
        let max = random.random_bool(0.8).then(|| start + around);
        search.start = (min, max);
    }
    if random.random_bool(0.3) {
        let span = like.span();
        let took = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
        let min = if random.random() { took - took % 7 } else { 0 };
        let max = if random.random() { took + took % 5 } else { 0 };
        search.duration = (min, max);
    }
    if random.random_bool(0.12) {
        spoil(random, &mut search);
    }
    search
}

/// Changes a search so that it may find nothing, or makes no sense.
fn spoil(random: &mut StdRng, search: &mut Search) {
    match random.random_range(0..6) {
        0 => search.service = "nobody".to_owned(),
        1 => search.operation = "nothing".to_owned(),
        2 => search.attributes.push(("k".to_owned(), value(text("z")))),
        3 => search.duration.0 = 1_000 * SECOND,
        4 => search.duration = (2, 1),
        _ => search.start = (Some(2 * SECOND), Some(SECOND)),
    }
}

/// A condition that holds on a span, as spoor reads it.
fn condition(random: &mut StdRng, like: &Kept) -> (String, Option<AnyValue>) {
    let span = like.span();
    let said = span.status.as_ref().map_or(0, |status| status.code);
    let told = |key: &str, told: &str| (key.to_owned(), value(text(told)));
    match random.random_range(0..20) {
        0 => ("error".to_owned(), value(Value::BoolValue(said == 2))),
        1 => told("error", if said == 2 { "true" } else { "False" }),
        2 => told("span.status", STATUSES[said as usize]),
        3 => told("span.kind", KINDS[span.kind as usize]),
        4 => told("span.kind", &KINDS[span.kind as usize].to_uppercase()),
        5 => told("scope.name", like.scope().map_or("", |scope| scope.name.as_str())),
        6 => told("scope.version", like.scope().map_or("", |scope| scope.version.as_str())),
        7 => told("resource.k", "resource"),
        8 => told("service.name", &like.service),
        9 => match random.random_range(0..3) {
            0 => told("otel.status_code", "ERROR"),
            1 => told("otel.scope.name", "http"),
            _ => told("event", "exception"),
        },
        // None of these holds a value: an empty text for spoor.
        10 => (
            "note".to_owned(),
            [None, Some(AnyValue { value: None })][random.random_range(0..2)].clone(),
        ),
        11 => {
            let link = span.links.first().map_or("k", |_| "link.of");
            told(link, if link == "k" { "resource" } else { "batch" })
        }
        _ => {
            let all: Vec<_> = attributes(like).collect();
            // Most are texts, which all stores compare alike.
            let others: Vec<_> =
                all.iter().filter(|attribute| !is_text(attribute)).copied().collect();
            let from = if others.is_empty() || random.random() { &all } else { &others };
            let Some(attribute) = from.choose(random) else {
                return told("k", "a");
            };
            let typed = attribute.value.clone();
            let as_text = || value(text(&text_of(attribute.value.as_ref())));
            (attribute.key.clone(), if random.random() { typed } else { as_text() })
        }
    }
}

fn ids(random: &mut StdRng, traces: &[Trace]) -> Vec<(Vec<u8>, Option<u64>)> {
    let wanted = random.random_range(1..5);
    let mut ids: Vec<_> = traces
        .sample(random, wanted)
        .map(|trace| (trace.id.clone(), Some(trace.spans[0].span().start_time_unix_nano)))
        .collect();
    for (_, time) in &mut ids {
        *time = [None, *time, Some(SECOND)][random.random_range(0..3)];
    }
    // Not the one before: chunks of one trace that follow each other are one answer.
    if ids.len() > 1 && random.random_bool(0.3) {
        ids.push(ids[0].clone());
    }
    if random.random_bool(0.2) {
        ids.push((vec![7; 16], None));
    }
    ids
}

fn span<'a>(random: &mut StdRng, traces: &'a [Trace]) -> &'a Kept {
    let trace = traces.choose(random).expect("there are traces");
    trace.spans.choose(random).expect("a trace has spans")
}

/// An attribute of a type whose text stores tell differently.
fn scarce<'a>(random: &mut StdRng, traces: &'a [Trace]) -> (&'a Kept, &'a KeyValue) {
    let spans = traces.iter().flat_map(|trace| &trace.spans);
    let all = spans.flat_map(|kept| attributes(kept).map(move |attribute| (kept, attribute)));
    let scarce = all.filter(|(_, attribute)| {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        matches!(value, Some(Value::BytesValue(_) | Value::DoubleValue(_)))
    });
    *scarce.collect::<Vec<_>>().choose(random).expect("one of a thousand spans has one")
}

fn is_text(attribute: &KeyValue) -> bool {
    let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
    matches!(value, Some(Value::StringValue(_)))
}

fn value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}
