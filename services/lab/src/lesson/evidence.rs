//! What telemetry says to a claim.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::console::Line;
use tokio::time::{Instant, sleep};
use traces::{Storage, Summary, Topology, Trace, Window};

use super::amount::Amount;
use super::claim::Claim;
use super::condition::Conditions;
use crate::doctor::api::{ask_text, jaeger, prometheus};
use crate::doctor::lab::{Lab, seconds};
use crate::ports::known::{CONSOLE, STORAGE};
use crate::{find, log_lines};

const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// A clock may be off, and Loki rounds.
const MARGIN: Duration = Duration::from_secs(1);
/// The most traces of one search.
const FOUND: u32 = 1_000;
/// The most exemplars whose trace is looked for.
const EXEMPLARS: usize = 50;

/// Where telemetry is asked for.
pub struct Evidence<'a> {
    storage: Storage,
    lab: Lab<'a>,
    /// Since when it is of this lesson.
    since: SystemTime,
}

/// What there is now.
pub struct Seen {
    pub holds: bool,
    pub text: String,
}

impl Seen {
    fn new(holds: bool, text: impl Into<String>) -> Self {
        Self { holds, text: text.into() }
    }

    /// So many of something.
    fn count(amount: Amount, count: usize, text: impl Into<String>) -> Self {
        Self::new(amount.holds(count as f64), text)
    }
}

impl<'a> Evidence<'a> {
    /// Of this lab, and since then.
    ///
    /// # Errors
    /// When the storage server's address is none.
    pub fn new(lab: Lab<'a>, since: SystemTime) -> Result<Self, traces::Error> {
        let storage = Storage::new(&lab.url(STORAGE))?;
        Ok(Self { storage, lab, since })
    }

    /// Waits until the claim holds, until `end` at most. What more telemetry could make fail is not
    /// believed before `settled`.
    pub async fn judge(&self, claim: &Claim, settled: Instant, end: Instant) -> Seen {
        loop {
            let seen = self.look(claim).await;
            let now = Instant::now();
            let is_final = !claim.is_bounded() || now >= settled;
            if (seen.holds && is_final) || now >= end.max(settled) {
                return seen;
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn look(&self, claim: &Claim) -> Seen {
        self.ask(claim).await.unwrap_or_else(|problem| Seen::new(false, problem))
    }

    /// What is there by now.
    async fn ask(&self, claim: &Claim) -> Result<Seen, String> {
        Ok(match claim {
            Claim::Spans { trace, conditions, amount } => {
                let trace = self.trace(trace).await?;
                let count = matching(&trace, conditions).count();
                Seen::count(*amount, count, format!("{count} of {} spans", trace.spans().len()))
            }
            Claim::Services { trace, expected } => {
                let trace = self.trace(trace).await?;
                let seen: BTreeSet<_> = trace.services().into_iter().map(str::to_owned).collect();
                Seen::new(seen == *expected, listed(seen))
            }
            Claim::Calls { trace, expected } => {
                let trace = self.trace(trace).await?;
                let calls = Topology::of([&trace]).calls.into_keys();
                let calls =
                    calls.map(|it| format!("{} to {} over {}", it.from, it.to, it.protocol));
                let seen: BTreeSet<_> = calls.collect();
                Seen::new(seen == *expected, listed(seen))
            }
            Claim::Duration { trace, conditions, amount } => {
                let trace = self.trace(trace).await?;
                match matching(&trace, conditions).map(traces::Span::duration).max() {
                    Some(longest) => milliseconds(*amount, longest, "the longest took"),
                    None => Seen::new(false, "no such span"),
                }
            }
            Claim::CriticalPath { trace, conditions, amount } => {
                let trace = self.trace(trace).await?;
                let path = trace.critical_path();
                let theirs = path.iter().filter(|stretch| conditions.meet(&trace, stretch.span));
                milliseconds(*amount, theirs.map(traces::Stretch::duration).sum(), "on it for")
            }
            Claim::Logs { trace, conditions, amount } => {
                let lines = self.lines(trace).await?;
                let meant =
                    lines.iter().filter(|it| conditions.meet_line(&it.service, &it.severity));
                let count = meant.count();
                Seen::count(*amount, count, format!("{count} of {}", told(&lines)))
            }
            Claim::Strays { trace, amount } => {
                let (lines, trace) = (self.lines(trace).await?, self.trace(trace).await?);
                let count = lines.iter().filter(|line| trace.span(&line.span_id).is_none()).count();
                match lines.is_empty() {
                    true => Seen::new(false, "no line"),
                    false => Seen::count(*amount, count, format!("{count} of {}", told(&lines))),
                }
            }
            Claim::Traces { conditions, amount } => {
                let count = self.found(conditions).await?.len();
                Seen::count(*amount, count, format!("{count} traces"))
            }
            Claim::Search { conditions, finds, trace } => {
                let found = self.found(conditions).await?;
                let is_found = found.iter().any(|summary| summary.trace_id == *trace);
                let among = if is_found { "it is" } else { "it is not" };
                let text = format!("{among} among the {} traces found", found.len());
                Seen::new(is_found == *finds, text)
            }
            Claim::Prometheus { query, amount } => {
                let series =
                    prometheus::query(&self.lab, query).await.map_err(|it| it.to_string())?;
                match &series[..] {
                    [one] => Seen::new(amount.holds(one.value()), one.value().to_string()),
                    [] => Seen::new(false, "no series"),
                    more => Seen::new(false, format!("{} series instead of one", more.len())),
                }
            }
            Claim::Exemplars { query, amount } => {
                let found = prometheus::exemplars(&self.lab, query, self.since - MARGIN).await;
                let found = found.map_err(|it| it.to_string())?;
                let ids = found.iter().filter_map(|exemplar| exemplar.labels.get("trace_id"));
                let mut kept = 0;
                for id in ids.take(EXEMPLARS) {
                    kept += usize::from(!self.trace(id).await?.is_empty());
                }
                let text = format!("{} exemplars, {kept} of them with a trace", found.len());
                Seen::count(*amount, kept, text)
            }
            Claim::Monitor { service, amount } => {
                let end = (seconds(SystemTime::now()) * 1e3) as i64;
                let range = jaeger::Range { end, lookback: 30_000, step: 5_000, rate: 60_000 };
                let points = jaeger::metric(&self.lab, "calls", service, range).await;
                let points = points.map_err(|it| it.to_string())?.unwrap_or_default();
                match points.values().rev().find(|value| value.is_finite()) {
                    Some(rate) => Seen::new(amount.holds(*rate), format!("{rate:.2} a second")),
                    None => Seen::new(false, "no point"),
                }
            }
            Claim::Page { path, text, amount } => {
                let request = self.lab.client.get(&format!("{}{path}", self.lab.url(CONSOLE)));
                let page = ask_text(&format!("the console for {path}"), request).await;
                let count = page_text(&page.map_err(|it| it.to_string())?).matches(text).count();
                Seen::count(*amount, count, format!("{count} times"))
            }
        })
    }

    async fn trace(&self, id: &str) -> Result<Trace, String> {
        self.storage.trace(id).await.map_err(|error| error.to_string())
    }

    async fn lines(&self, trace: &str) -> Result<Vec<Line>, String> {
        log_lines::of_trace(&self.lab, trace, self.since - MARGIN).await
    }

    async fn found(&self, conditions: &Conditions) -> Result<Vec<Summary>, String> {
        let start = self.since.checked_sub(MARGIN).unwrap_or(UNIX_EPOCH);
        let window = Window { start, end: SystemTime::now() + MARGIN };
        let found = find::latest(&self.storage, window, conditions, FOUND).await;
        found.map_err(|error| error.to_string())
    }
}

fn matching<'a>(
    trace: &'a Trace,
    conditions: &'a Conditions,
) -> impl Iterator<Item = &'a traces::Span> {
    trace.spans().iter().filter(|span| conditions.meet(trace, span))
}

fn milliseconds(amount: Amount, nanoseconds: u64, what: &str) -> Seen {
    let milliseconds = nanoseconds as f64 / 1e6;
    Seen::new(amount.holds(milliseconds), format!("{what} {milliseconds:.1} ms"))
}

fn listed(names: BTreeSet<String>) -> String {
    match names.is_empty() {
        true => "no span".to_owned(),
        false => names.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// What a page says to who reads it: without its tags, each stretch of space one blank.
fn page_text(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        text.push(' ');
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, it)| text.replace(entity, it))
}

/// How many lines each service has.
fn told(lines: &[Line]) -> String {
    let mut services: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        *services.entry(&line.service).or_default() += 1;
    }
    let total: usize = services.values().sum();
    let each = services.iter().map(|(service, lines)| format!("{service} {lines}"));
    match total {
        0 => "no lines".to_owned(),
        _ => format!("{total} lines: {}", each.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_between_its_tags() {
        let page = "<p class=\"a\">1\n  <b>&lt;item&gt;</b>&amp;lt; </p><br>arrived <i>as</i> sent";
        assert_eq!(page_text(page), "1 <item> &lt; arrived as sent");
    }
}
