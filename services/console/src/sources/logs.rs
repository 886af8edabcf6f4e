//! The log lines of a trace.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use traces::Trace;

use super::{Answer, Origin, Sources, Why};

/// How many lines of one trace are shown.
pub(super) const MOST: usize = 2_000;
/// How far back lines are looked for, of a trace without spans: one that was not sampled has some.
const LOOKED_BACK: Duration = Duration::from_secs(3_600);

/// Lines by their time.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    pub lines: Vec<Line>,
    /// Whether there are more.
    pub cut: bool,
}

/// What one part wrote at one time. Empty is what it did not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Nanoseconds since the epoch.
    pub time: Option<u64>,
    /// `INFO` and the like, as the part writes it.
    pub severity: String,
    /// Whose it is.
    pub service: String,
    /// The span that it was written in.
    pub span_id: String,
    /// The message.
    pub text: String,
    /// What it says beside the text. Loki's lines of one stream share them.
    pub fields: Arc<[(String, String)]>,
}

impl Logs {
    /// By their time. A line without one stays behind the line that was before it.
    pub(super) fn of(mut lines: Vec<Line>) -> Self {
        let mut last = None;
        let times = lines.iter().map(|line| {
            last = line.time.or(last);
            last
        });
        let times: Vec<_> = times.collect();
        let mut order: Vec<_> = (0..lines.len()).collect();
        order.sort_by_key(|place| times[*place]);
        order.truncate(MOST);
        let cut = lines.len() > MOST;
        let lines = order.into_iter().map(|place| std::mem::take(&mut lines[place])).collect();
        Self { lines, cut }
    }
}

impl Sources {
    /// The log lines with the trace's id, of all services: Loki's, or else those that the lab keeps.
    pub async fn logs(&self, trace_id: &str, trace: &Trace) -> Answer<Logs> {
        // Jaeger takes one without the zeros that it begins with.
        let id = format!("{:0>32}", trace_id.to_ascii_lowercase());
        if !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let reason = "a trace id has hexadecimal digits only".to_owned();
            return Answer::of(Origin::Loki, Err(Why::Refused(reason)));
        }
        let window = if trace.is_empty() { lately() } else { trace.window() };
        let loki = self.loki(&id, window).await.and_then(some);
        let lines = async || Answer::of(Origin::Lines, self.lines(&id).await.and_then(some));
        Answer::of(Origin::Loki, loki).or(lines).await
    }
}

fn some(logs: Logs) -> Result<Logs, Why> {
    if logs.lines.is_empty() { Err(Why::Empty) } else { Ok(logs) }
}

fn lately() -> (u64, u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    (nanoseconds(now.saturating_sub(LOOKED_BACK)), nanoseconds(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: Option<u64>, text: &str) -> Line {
        Line { time, text: text.to_owned(), ..Line::default() }
    }

    #[test]
    fn lines_are_in_order_of_time_and_one_without_stays_behind_its_predecessor() {
        let lines = [
            line(Some(3), "c"),
            line(None, "of c"),
            line(Some(1), "a"),
            line(None, "of a"),
            line(Some(2), "b"),
        ];
        let logs = Logs::of(lines.into());
        let texts: Vec<_> = logs.lines.iter().map(|line| &*line.text).collect();
        assert_eq!(texts, ["a", "of a", "b", "c", "of c"]);
        assert!(!logs.cut);
    }

    #[test]
    fn of_too_many_lines_the_first_are_kept_and_it_is_said() {
        let lines = (0..=MOST as u64).rev().map(|time| line(Some(time), "x"));
        let logs = Logs::of(lines.collect());
        assert_eq!((logs.lines.len(), logs.lines[0].time, logs.cut), (MOST, Some(0), true));
    }
}
