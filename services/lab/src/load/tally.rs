//! What became of the requests since the last report, in one line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use super::latency::Latencies;
use super::request::{Answer, Outcome};

/// So many by what came of them, such as `ok` or `status 500`.
pub type Counts = BTreeMap<String, u64>;

/// Requests that were due and not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LeftOut {
    /// Since too many were under way.
    pub crowded: u64,
    /// Since this program did not run for a while.
    pub paused: u64,
}

/// Counts since the last report, and which services are down.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Counts,
    latencies: Latencies,
    pub left_out: LeftOut,
    down: BTreeSet<&'static str>,
}

impl Tally {
    /// Counts a request, and tells that its service went down or came back.
    pub fn count(&mut self, Outcome { service, answer, latency, .. }: &Outcome) -> Option<String> {
        *self.counts.entry(answer.to_string()).or_default() += 1;
        self.latencies.add(*latency);
        match answer {
            Answer::Status(_) if self.down.remove(service) => {
                Some(format!("{service} answers again\n"))
            }
            Answer::None(why) if self.down.insert(service) => {
                Some(format!("{service} does not answer: {why}\n"))
            }
            _ => None,
        }
    }

    /// Tells the counts, unless there is nothing to tell, and begins anew.
    pub fn report(&mut self, time: Duration) -> Option<String> {
        let down = std::mem::take(&mut self.down);
        let last = std::mem::replace(self, Self { down, ..Self::default() });
        let sum: u64 = last.counts.values().sum();
        let has_any = sum > 0 || last.left_out != LeftOut::default();
        let p99 = last.latencies.percentiles().p99.map(|p99| format!("p99 {p99:.0} ms"));
        has_any.then(|| line(time, &last.counts, p99.as_deref(), last.left_out) + "\n")
    }
}

/// Such as `1500 requests in 30 s, 50.0 a second: 1490 ok, 10 status 500`.
pub fn line(time: Duration, counts: &Counts, more: Option<&str>, left_out: LeftOut) -> String {
    let (sum, seconds): (u64, _) = (counts.values().sum(), time.as_secs_f64());
    let rate = sum as f64 / seconds.max(f64::MIN_POSITIVE);
    let mut line = format!("{sum} requests in {seconds:.0} s, {rate:.1} a second");
    if let Some(more) = more {
        let _ = write!(line, ", {more}");
    }
    let counts = counts.iter().map(|(kind, count)| format!("{count} {kind}"));
    let LeftOut { crowded, paused } = left_out;
    let left_out = [(crowded, "too many were under way"), (paused, "this program was paused")];
    let left_out = left_out.iter().filter(|(count, _)| *count > 0);
    let left_out = left_out.map(|(count, why)| format!("{count} left out, since {why}"));
    let parts: Vec<_> = counts.chain(left_out).collect();
    if !parts.is_empty() {
        let _ = write!(line, ": {}", parts.join(", "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_the_rate_and_the_errors_by_kind_and_begins_anew() {
        let mut tally = Tally::default();
        assert_eq!(tally.report(Duration::from_secs(60)), None);
        tally.counts = [("ok", 100), ("status 500", 15), ("timed out", 5)]
            .map(|(kind, count)| (kind.to_owned(), count))
            .into();
        tally.latencies.add(Duration::from_millis(80));
        tally.left_out = LeftOut { crowded: 3, paused: 0 };
        assert_eq!(
            tally.report(Duration::from_secs(60)).unwrap(),
            "120 requests in 60 s, 2.0 a second, p99 80 ms: 100 ok, 15 status 500, 5 timed out, \
             3 left out, since too many were under way\n"
        );
        assert_eq!(tally.report(Duration::from_secs(60)), None);
        tally.left_out.paused = 7;
        let line = tally.report(Duration::from_secs(20)).unwrap();
        assert_eq!(
            line,
            "0 requests in 20 s, 0.0 a second: 7 left out, since this program was paused\n"
        );
    }
}
