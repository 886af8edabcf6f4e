//! Random spans and filters, the same for the same seed. Both draw from a few values, so that they
//! meet.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use spoor_proto::expression::{Call, Expression};

use super::build::{attr, call, field, list, nested, predicate, scalar, untyped};

/// Durations with their nanoseconds.
pub const DURATIONS: [(&str, i128); 8] = [
    ("0", 0),
    ("1us", 1_000),
    ("-1us", -1_000),
    ("1.001ms", 1_001_000),
    ("2s", 2_000_000_000),
    ("1s999ms", 1_999_000_000),
    ("-2s", -2_000_000_000),
    ("1h30m", 5_400_000_000_000),
];

const START: u64 = 1_700_000_000_000_000_000;

const TIMES: [u64; 6] =
    [0, START, START + 1_000, START + 1_001_000, START + 2_000_000_000, START + 5_400_000_000_000];

const LEVELS: [&str; 6] = ["", "span", "resource", "scope", "event", "link"];

const KEYS: [&str; 3] = ["a", "b.c", "service.name"];

const TEXTS: [&str; 12] = [
    "",
    "a",
    "b",
    "ab",
    "1",
    "1.0",
    "true",
    "inf",
    "refund policy",
    "The REFUND-Policy, na\u{ef}ve",
    "POLICY refund",
    "e\u{301}\tb",
];

const UNTYPED: [&str; 12] = ["", "a", "ab", "b", "1", "1.0", "+1", "-1.5", "0", "true", "t", "NaN"];

const WORDS: [&str; 8] = ["refund", "Policy", "THE", "na\u{ef}ve", "e\u{301}", "b", "a", "polic"];

const PATTERNS: [&str; 10] = [
    "a",
    "[ab]{2}",
    "r.f",
    "(a|b)+c?",
    "1[.]0",
    "[^a-z]",
    "",
    "x",
    "POLICY|policy",
    "[[:alpha:]]b",
];

const STATES: [&str; 3] = ["", "a=1", "b=2"];

const NAMES: [&str; 4] = ["", "a", "ab", "exception"];

const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// What a field holds.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    /// One of these.
    Text(&'static [&'static str]),
    Id(usize),
    Word(&'static [&'static str]),
    Duration,
    Instant,
}

const FIELDS: [(&str, &str, Held); 22] = [
    ("span", "traceID", Held::Id(16)),
    ("span", "spanID", Held::Id(8)),
    ("span", "parentSpanID", Held::Id(8)),
    ("span", "traceState", Held::Text(&STATES)),
    ("span", "name", Held::Text(&NAMES)),
    ("span", "kind", Held::Word(&KINDS)),
    ("span", "startTime", Held::Instant),
    ("span", "endTime", Held::Instant),
    ("span", "duration", Held::Duration),
    ("span", "status", Held::Word(&STATUSES)),
    ("span", "statusMessage", Held::Text(&NAMES)),
    ("resource", "service", Held::Text(&TEXTS)),
    ("resource", "schemaURL", Held::Text(&STATES)),
    ("scope", "name", Held::Text(&NAMES)),
    ("scope", "version", Held::Text(&STATES)),
    ("scope", "schemaURL", Held::Text(&STATES)),
    ("event", "name", Held::Text(&NAMES)),
    ("event", "time", Held::Instant),
    ("event", "timeSinceStart", Held::Duration),
    ("link", "traceID", Held::Id(16)),
    ("link", "spanID", Held::Id(8)),
    ("link", "traceState", Held::Text(&STATES)),
];

/// What a filter reads.
#[derive(Clone, Copy)]
enum Reference {
    Attribute(&'static str, &'static str),
    Field(&'static str, &'static str, Held),
}

impl Reference {
    fn expression(self) -> Expression {
        match self {
            Self::Attribute(level, key) => attr(level, key),
            Self::Field(level, name, _) => field(level, name),
        }
    }

    fn has_order(self) -> bool {
        !matches!(self, Self::Field(_, _, Held::Word(_)))
    }

    /// Whether two may be compared.
    fn goes_with(self, other: Self) -> bool {
        let kind = |reference| match reference {
            Self::Attribute(..) => None,
            Self::Field(_, _, Held::Duration) => Some("duration"),
            Self::Field(_, _, Held::Instant) => Some("instant"),
            Self::Field(..) => Some("text"),
        };
        kind(self).zip(kind(other)).is_none_or(|(own, other)| own == other)
    }
}

pub struct Generator(StdRng);

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    pub fn coin(&mut self) -> bool {
        self.0.random()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn text(&mut self, from: &[&str]) -> String {
        self.pick(from).to_owned()
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    /// Changes some bytes.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(3) {
                0 => bytes[at] = self.0.random(),
                1 => bytes[at] ^= 1 << self.below(8),
                _ => {
                    bytes.remove(at);
                    bytes.push(0);
                }
            }
        }
    }

    // Spans.

    /// One span with what encloses it.
    pub fn enclosed(&mut self) -> (ResourceSpans, ScopeSpans, Span) {
        let resource = ResourceSpans {
            resource: self
                .coin()
                .then(|| Resource { attributes: self.attributes(), ..Resource::default() }),
            schema_url: self.text(&STATES),
            ..ResourceSpans::default()
        };
        let scope = ScopeSpans {
            scope: self.coin().then(|| InstrumentationScope {
                name: self.text(&NAMES),
                version: self.text(&STATES),
                attributes: self.attributes(),
                ..InstrumentationScope::default()
            }),
            schema_url: self.text(&STATES),
            ..ScopeSpans::default()
        };
        (resource, scope, self.span())
    }

    fn span(&mut self) -> Span {
        Span {
            trace_id: self.id(16),
            span_id: self.id(8),
            parent_span_id: match self.below(3) {
                0 => Vec::new(),
                1 => vec![0; 8],
                _ => self.id(8),
            },
            trace_state: self.text(&STATES),
            name: self.text(&NAMES),
            kind: self.0.random_range(-1..8),
            start_time_unix_nano: self.pick(&TIMES),
            end_time_unix_nano: self.pick(&TIMES),
            attributes: self.attributes(),
            events: self.many(3, |random| Event {
                time_unix_nano: random.pick(&TIMES),
                name: random.text(&NAMES),
                attributes: random.attributes(),
                ..Event::default()
            }),
            links: self.many(3, |random| Link {
                trace_id: if random.coin() { random.id(16) } else { Vec::new() },
                span_id: random.id(8),
                trace_state: random.text(&STATES),
                attributes: random.attributes(),
                ..Link::default()
            }),
            status: self
                .coin()
                .then(|| Status { message: self.text(&NAMES), code: self.0.random_range(-1..4) }),
            ..Span::default()
        }
    }

    fn id(&mut self, len: usize) -> Vec<u8> {
        vec![self.pick(&[1, 0xab]); len]
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        self.many(4, |random| KeyValue {
            key: random.text(&KEYS),
            value: (random.below(10) > 0).then(|| random.value()),
            ..KeyValue::default()
        })
    }

    fn value(&mut self) -> AnyValue {
        let value = match self.below(16) {
            0 => None,
            1 => Some(Value::BytesValue(b"a".to_vec())),
            2 => Some(Value::ArrayValue(ArrayValue { values: vec![self.value()] })),
            3..=5 => Some(Value::BoolValue(self.coin())),
            6..=8 => Some(Value::IntValue(self.pick(&[0, 1, -1, 1_000]))),
            9..=11 => Some(Value::DoubleValue(self.pick(&[
                0.0,
                -0.0,
                1.0,
                -1.5,
                f64::NAN,
                f64::INFINITY,
            ]))),
            _ => Some(Value::StringValue(self.text(&TEXTS))),
        };
        AnyValue { value }
    }

    // Filters.

    /// A filter with as many levels of calls, `some` not over these levels.
    pub fn filter(&mut self, depth: usize, bound: &[&str]) -> Call {
        let inner = |random: &mut Self| predicate(random.filter(depth - 1, bound));
        let free: Vec<_> = ["event", "link"].into_iter().filter(|l| !bound.contains(l)).collect();
        match self.below(if depth > 1 { 9 } else { 5 }) {
            0..=4 => self.leaf(bound),
            5 => call("and", vec![inner(self), inner(self)]),
            6 => call("or", vec![inner(self), inner(self)]),
            7 => call("not", vec![inner(self)]),
            _ if free.is_empty() => self.leaf(bound),
            _ => {
                let level = self.pick(&free);
                let bound = [bound, &[level]].concat();
                let inner = predicate(self.filter(depth - 1, &bound));
                call("some", vec![nested(level), inner])
            }
        }
    }

    fn leaf(&mut self, bound: &[&str]) -> Call {
        let reference = self.reference(bound);
        match self.below(12) {
            0 => call("exists", vec![reference.expression()]),
            1 | 2 => self.membership(reference),
            3 => self.regex(reference),
            4 | 5 => {
                let level = self.level(bound);
                let searched = attr(level, self.pick(&KEYS));
                let words = self.some_of(2, |random| random.text(&WORDS));
                let op = self.pick(&["phrase", "fulltext"]);
                let declared = self.pick(&["", "string"]);
                call(op, vec![searched, list(&words, declared)])
            }
            6 | 7 => loop {
                let other = self.reference(bound);
                if reference.goes_with(other) {
                    let op = self.comparison(reference.has_order() && other.has_order());
                    break call(op, vec![reference.expression(), other.expression()]);
                }
            },
            8 => {
                let (left, right) = self.pick(&[
                    (("1", "int"), ("1.0", "double")),
                    (("1", ""), ("1", "int")),
                    (("b", ""), ("a", "string")),
                    (("10", ""), ("9", "")),
                    (("NaN", "double"), ("1", "")),
                ]);
                let op = self.comparison(true);
                call(op, vec![scalar(left.0, left.1), scalar(right.0, right.1)])
            }
            _ => self.comparison_with_constant(reference),
        }
    }

    fn level(&mut self, bound: &[&str]) -> &'static str {
        // What is bound is what matters inside.
        match LEVELS.into_iter().find(|level| bound.contains(level)) {
            Some(level) if self.below(3) > 0 => level,
            _ => self.pick(&LEVELS),
        }
    }

    fn reference(&mut self, bound: &[&str]) -> Reference {
        let level = self.level(bound);
        let fields: Vec<_> = FIELDS.into_iter().filter(|(own, ..)| *own == level).collect();
        if level.is_empty() || self.coin() {
            Reference::Attribute(level, self.pick(&KEYS))
        } else {
            let (level, name, held) = self.pick(&fields);
            Reference::Field(level, name, held)
        }
    }

    fn comparison(&mut self, ordered: bool) -> &'static str {
        let ops = ["eq", "ne", "gt", "lt", "gte", "lte"];
        if ordered { self.pick(&ops) } else { self.pick(&ops[..2]) }
    }

    fn comparison_with_constant(&mut self, reference: Reference) -> Call {
        let (text, declared) = match reference {
            Reference::Attribute(..) => self.typed_constant(),
            Reference::Field(_, _, held) => (self.constant_of(held), self.declared(held)),
        };
        let has_order = reference.has_order() && declared != "bool";
        let op = self.comparison(has_order);
        let mut args = vec![reference.expression(), scalar(&text, declared)];
        if self.coin() {
            args.reverse();
        }
        call(op, args)
    }

    /// The type that a constant beside a field may declare.
    fn declared(&mut self, held: Held) -> &'static str {
        match held {
            Held::Duration | Held::Instant => "",
            _ => self.pick(&["", "string"]),
        }
    }

    fn constant_of(&mut self, held: Held) -> String {
        match held {
            Held::Text(texts) | Held::Word(texts) => self.text(texts),
            Held::Id(len) => self.pick(&["01", "ab", "AB", ""]).repeat(len),
            Held::Duration => self.pick(&DURATIONS).0.to_owned(),
            Held::Instant => {
                let nanos = self.pick(&TIMES);
                let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
                prost_types::Timestamp { seconds: seconds as i64, nanos: nanos as i32 }.to_string()
            }
        }
    }

    fn typed_constant(&mut self) -> (String, &'static str) {
        let declared = self.pick(&["", "", "", "string", "int", "double", "bool"]);
        (self.constant_declared(declared), declared)
    }

    fn constant_declared(&mut self, declared: &str) -> String {
        match declared {
            "" => self.text(&UNTYPED),
            "string" => self.text(&TEXTS),
            "int" => self.text(&["0", "1", "-1", "1000"]),
            "double" => self.text(&["0", "1.0", "-1.5", "inf", "NaN"]),
            _ => self.text(&["true", "false"]),
        }
    }

    fn membership(&mut self, reference: Reference) -> Call {
        let (elements, declared) = match reference {
            Reference::Attribute(..) => {
                let declared = self.pick(&["", "", "string", "int", "double", "bool"]);
                (self.some_of(3, |random| random.constant_declared(declared)), declared)
            }
            Reference::Field(_, _, held) => {
                (self.some_of(3, |random| random.constant_of(held)), self.declared(held))
            }
        };
        let op = self.pick(&["in", "not_in"]);
        call(op, vec![reference.expression(), list(&elements, declared)])
    }

    fn regex(&mut self, reference: Reference) -> Call {
        let searched = match reference {
            Reference::Field(_, _, Held::Duration | Held::Instant) => attr("span", "a"),
            other => other.expression(),
        };
        call("regex", vec![searched, untyped(self.pick(&PATTERNS))])
    }

    /// At least one, at most as many.
    fn some_of<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..=self.below(most)).map(|_| make(self)).collect()
    }
}
