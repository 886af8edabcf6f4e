//! What can be counted or timed of an operation, and who asks whom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use traces::{Span, Trace};

/// Nanoseconds that are no pause between two tries, on a busy machine either.
const AT_ONCE: u64 = 40_000_000;

/// Something that can be told of a request, or of what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// Of each request: whether it failed, and nothing that it asked for.
    OwnErrors,
    /// Of each request: milliseconds in which it waited for nobody.
    OwnTime,
    /// Of each statement: milliseconds.
    StatementTime,
    /// Of each lookup: whether it found nothing.
    Missed,
    /// Of each request: how many statements it made that it had made before.
    Repeated,
    /// Of each request: how often it sent again at once what had failed.
    Resent,
    /// Of each request: whether it came from nobody.
    Rootless,
}

impl Sign {
    /// Whether there is some of it in a system that is well, too.
    pub fn is_normal(self) -> bool {
        !matches!(self, Self::Repeated | Self::Resent | Self::Rootless)
    }

    /// The word of an answer.
    pub fn cause(self) -> &'static str {
        match self {
            Self::OwnErrors => "errors",
            Self::OwnTime => "slow",
            Self::StatementTime => "slow-database",
            Self::Missed => "cache",
            Self::Repeated => "n-plus-one",
            Self::Resent => "retry-storm",
            Self::Rootless => "lost-context",
        }
    }
}

/// A sign of one operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub service: String,
    pub operation: String,
    pub sign: Sign,
}

/// Its values, each with its time in seconds and with the customer's tier.
#[derive(Clone, Debug, Default)]
pub struct Series(Vec<(f64, Option<String>, f64)>);

impl Series {
    /// Those of a tier, or all, by their time.
    pub fn values(&self, tier: Option<&str>) -> Vec<(f64, f64)> {
        let of_tier = self.0.iter().filter(|(_, its, _)| tier.is_none() || its.as_deref() == tier);
        let mut values: Vec<_> = of_tier.map(|(time, _, value)| (*time, *value)).collect();
        values.sort_by(|one, other| one.0.total_cmp(&other.0));
        values
    }
}

/// All that was seen.
#[derive(Default)]
pub struct Seen {
    pub series: BTreeMap<Key, Series>,
    /// Of each call: whether whoever was called went on elsewhere.
    pub lost_calls: Series,
    /// Who asks whom: by service and operation.
    edges: BTreeSet<(Place, Place)>,
}

type Place = (String, String);

impl Seen {
    /// Of what had ended by then: below what had not, there are spans that were not read.
    pub fn of(traces: &[Trace], began: SystemTime, end: SystemTime) -> Self {
        let mut seen = Self::default();
        let seconds =
            |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let (began, end) = (seconds(began), seconds(end));
        for trace in traces {
            let tier = trace.spans().iter().find_map(|it| it.attribute_text("app.customer.tier"));
            let whole = trace.spans().iter().filter(|span| span.end as f64 / 1e9 <= end);
            for span in whole.filter(|span| span.is_entry()) {
                seen.look_at(trace, span, began, tier.as_ref());
            }
        }
        seen
    }

    /// Whether the one asks the other, or has it asked.
    pub fn asks(&self, above: &Key, below: &Key) -> bool {
        let place = |key: &Key| (key.service.clone(), key.operation.clone());
        let mut known = BTreeSet::from([place(above)]);
        loop {
            let further = self.edges.iter().filter(|(from, _)| known.contains(from));
            let further: Vec<_> = further.map(|(_, to)| to.clone()).collect();
            let before = known.len();
            known.extend(further);
            if known.contains(&place(below)) {
                return true;
            }
            if known.len() == before {
                return false;
            }
        }
    }

    fn look_at(&mut self, trace: &Trace, span: &Span, began: f64, tier: Option<&String>) {
        let place = (span.service.clone(), span.name.clone());
        let time = |span: &Span| span.start as f64 / 1e9 - began;
        let inner: Vec<&Span> = inside(trace, span);
        let (mut failed_below, mut resent, mut asked) = (false, 0.0_f64, Vec::new());
        let mut texts = BTreeMap::<String, f64>::new();
        for it in &inner {
            if let Some(hit) = it.attribute_text("app.cache.hit") {
                let missed = f64::from(u8::from(hit != "true"));
                self.add(&place, Sign::Missed, time(it), tier, missed);
            }
            if !it.is_exit() {
                continue;
            }
            asked.push((it.start, it.end));
            if let Some(text) = it.attribute_text("db.query.text") {
                *texts.entry(text).or_default() += 1.0;
                self.add(&place, Sign::StatementTime, time(it), tier, milliseconds(it));
            } else if it.protocol != "messaging" {
                failed_below |= it.is_error();
                if it.attribute("http.request.resend_count").is_some() {
                    let tried =
                        inner.iter().filter(|other| other.is_error() && other.end <= it.start);
                    let last = tried.map(|other| other.end).max().unwrap_or_default();
                    resent += f64::from(u8::from(it.start - last < AT_ONCE));
                }
                let mut answered = trace.children(it).peekable();
                let lost = f64::from(u8::from(answered.peek().is_none()));
                self.lost_calls.0.push((time(it), tier.cloned(), lost));
                let edges =
                    answered.map(|it| (place.clone(), (it.service.clone(), it.name.clone())));
                self.edges.extend(edges);
            }
        }
        let own_error = span.is_error() && !failed_below;
        let repeated: f64 = texts.values().map(|count| count - 1.0).sum();
        for (sign, value) in [
            (Sign::OwnErrors, f64::from(u8::from(own_error))),
            (Sign::OwnTime, milliseconds(span) - covered(asked) / 1e6),
            (Sign::Repeated, repeated),
            (Sign::Resent, resent),
            (Sign::Rootless, f64::from(u8::from(span.parent_id.is_empty()))),
        ] {
            self.add(&place, sign, time(span), tier, value);
        }
    }

    fn add(
        &mut self,
        (service, operation): &Place,
        sign: Sign,
        time: f64,
        tier: Option<&String>,
        value: f64,
    ) {
        let (service, operation) = (service.clone(), operation.clone());
        let series = self.series.entry(Key { service, operation, sign }).or_default();
        series.0.push((time, tier.cloned(), value));
    }
}

/// What a service does to answer, up to what it asks others.
fn inside<'a>(trace: &'a Trace, top: &Span) -> Vec<&'a Span> {
    let mut inside: Vec<&Span> = trace.children(top).collect();
    let mut next = 0;
    while next < inside.len() && inside.len() < trace.spans().len() {
        let it = inside[next];
        if !it.is_exit() && !it.is_entry() {
            inside.extend(trace.children(it));
        }
        next += 1;
    }
    inside
}

fn milliseconds(span: &Span) -> f64 {
    span.duration() as f64 / 1e6
}

/// Nanoseconds that any of these has.
fn covered(mut times: Vec<(u64, u64)>) -> f64 {
    times.sort_unstable();
    let mut sum = 0;
    let mut last = 0;
    for (start, end) in times {
        let start = start.max(last);
        if end > start {
            sum += end - start;
            last = end;
        }
    }
    sum as f64
}
