//! What is told of a run: as text for people, as JSON for programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::figures::{Figures, Group};
use super::latency::{Percentiles, milliseconds};
use super::mix::Mix;
use super::rate::Rate;
use super::request::Outcome;
use super::tally::{Counts, LeftOut, line};
use super::trace::Trace;

/// The figures of a run until now.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// What the load is set to now; an empty mix is the default one.
    pub rate: Rate,
    pub mix: Mix,
    /// For how long requests were sent.
    pub seconds: f64,
    /// Due and not sent, since too many were under way.
    pub left_out: u64,
    /// Due and not sent, since this program did not run for more than a second.
    pub paused: u64,
    /// Sent and not answered: those of which there is nothing else here.
    pub under_way: u64,
    #[serde(flatten)]
    pub all: Row,
    pub paths: Vec<PathRow>,
    /// The slowest first.
    pub slowest: Vec<Shown>,
    /// The last ones, the oldest first.
    pub failures: Vec<Shown>,
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub requests: u64,
    /// Without an answer, or with a status of 5xx.
    pub failed: u64,
    /// By what came of them.
    pub outcomes: Counts,
    /// From when each was due.
    pub latency_ms: Percentiles,
}

#[derive(Debug, Serialize)]
pub struct PathRow {
    pub path: String,
    #[serde(flatten)]
    pub row: Row,
}

/// One request.
#[derive(Debug, Serialize)]
pub struct Shown {
    pub service: &'static str,
    pub path: String,
    pub outcome: String,
    pub latency_ms: f64,
    #[serde(flatten)]
    pub trace: Trace,
}

impl Summary {
    pub fn new(
        (rate, mix): (Rate, Mix),
        time: Duration,
        figures: &Figures,
        under_way: u64,
    ) -> Self {
        let LeftOut { crowded, paused } = figures.left_out;
        let paths = figures.paths.iter();
        Self {
            rate,
            mix,
            seconds: time.as_secs_f64(),
            left_out: crowded,
            paused,
            under_way,
            all: Row::new(&figures.all),
            paths: paths
                .map(|(path, group)| PathRow { path: path.clone(), row: Row::new(group) })
                .collect(),
            slowest: figures.slowest.iter().map(Shown::new).collect(),
            failures: figures.failed.iter().map(Shown::new).collect(),
        }
    }
}

impl Row {
    fn new(Group { counts, failed, latencies }: &Group) -> Self {
        Self {
            requests: counts.values().sum(),
            failed: *failed,
            outcomes: counts.clone(),
            latency_ms: latencies.percentiles(),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, path: &str, width: usize) -> fmt::Result {
        let Percentiles { p50, p90, p99, p99_9, max } = self.latency_ms;
        write!(f, "  {path:width$} {:>9} {:>7}", self.requests, self.failed)?;
        for value in [p50, p90, p99, p99_9, max] {
            write!(f, " {:>9.1}", value.unwrap_or_default())?;
        }
        writeln!(f)
    }
}

impl Shown {
    fn new(Outcome { service, target, latency, answer, trace }: &Outcome) -> Self {
        Self {
            service,
            path: target.path().to_owned(),
            outcome: answer.to_string(),
            latency_ms: milliseconds(*latency),
            trace: trace.clone(),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, path, outcome, latency_ms, trace } = self;
        writeln!(f, "  {latency_ms:>9.1} ms  {outcome:13}  {service}{path}  {trace}")
    }
}

/// Empty when nothing was to be sent.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = LeftOut { crowded: self.left_out, paused: self.paused };
        if self.all.requests + self.under_way == 0 && left_out == LeftOut::default() {
            return Ok(());
        }
        let time = Duration::from_secs_f64(self.seconds);
        write!(f, "\n{}", line(time, &self.all.outcomes, None, left_out))?;
        match self.under_way {
            0 => writeln!(f)?,
            count => writeln!(f, ", and {count} given up, which no figure has")?,
        }
        if self.all.requests == 0 {
            return Ok(());
        }
        let width = self.paths.iter().map(|PathRow { path, .. }| path.len()).max().unwrap_or(0);
        let width = width.max("ms, from when it was due".len());
        write!(f, "\n  {:width$} {:>9} {:>7}", "ms, from when it was due", "requests", "failed")?;
        writeln!(f, " {:>9} {:>9} {:>9} {:>9} {:>9}", "p50", "p90", "p99", "p99.9", "max")?;
        for PathRow { path, row } in &self.paths {
            row.write(f, path, width)?;
        }
        self.all.write(f, "all", width)?;
        f.write_str("\nthe slowest, and their traces\n")?;
        self.slowest.iter().try_for_each(|shown| write!(f, "{shown}"))?;
        if !self.failures.is_empty() {
            writeln!(f, "\nthe last of {} that failed, and their traces", self.all.failed)?;
            self.failures.iter().try_for_each(|shown| write!(f, "{shown}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::load::figures::tests::outcome;
    use crate::load::request::Answer;

    fn summary(under_way: u64) -> Summary {
        let mut figures = Figures::default();
        let ok = Answer::Status(StatusCode::OK);
        for milliseconds in 1..=99 {
            figures.count(&outcome("/chain", milliseconds, ok, "4b"));
        }
        figures.count(&outcome("app-b/items/7", 200, Answer::None("timed out"), "5c"));
        figures.left_out.crowded = 2;
        let set = ("50".parse().unwrap(), "/chain:99,app-b/items/7".parse().unwrap());
        Summary::new(set, Duration::from_secs(2), &figures, under_way)
    }

    #[test]
    fn a_summary_has_a_row_for_each_path_and_the_traces_to_look_at() {
        let text = summary(3).to_string();
        let begin = "\n100 requests in 2 s, 50.0 a second: 99 ok, 1 timed out, 2 left out, since \
                     too many were under way, and 3 given up, which no figure has\n";
        assert!(text.starts_with(begin), "{text}");
        let row = |name: &str| {
            let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
            line.unwrap().split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(row("/chain"), ["99", "0", "50.2", "90.1", "99.0", "99.0", "99.0"]);
        assert_eq!(row("app-b/items/7"), ["1", "1", "200.0", "200.0", "200.0", "200.0", "200.0"]);
        assert_eq!(row("all"), ["100", "1", "50.2", "90.1", "99.3", "200.0", "200.0"]);
        let failed = "\nthe last of 1 that failed, and their traces\n\
                      \x20     200.0 ms  timed out      app-b/items/7  5c\n";
        assert!(text.ends_with(failed), "{text}");
    }

    #[test]
    fn a_run_without_requests_has_nothing_to_tell() {
        let figures = Figures::default();
        let set = ("0".parse().unwrap(), Mix::default());
        let summary = Summary::new(set, Duration::from_secs(2), &figures, 0);
        assert_eq!(summary.to_string(), "");
    }

    #[test]
    fn the_same_is_told_in_json() {
        let mut told = serde_json::to_value(summary(0)).unwrap();
        let paths = told["paths"].take();
        let shown = json!({
            "service": "app-b", "path": "/items/7", "outcome": "timed out", "latency_ms": 200.0,
            "trace_id": "5c", "sampled": true,
        });
        assert_eq!(told["slowest"][0], shown);
        assert_eq!(told["failures"], json!([shown]));
        let (requests, failed) = (&told["requests"], &told["failed"]);
        assert_eq!((requests, failed, &told["left_out"]), (&json!(100), &json!(1), &json!(2)));
        assert_eq!((&told["rate"], &told["seconds"]), (&json!(50.0), &json!(2.0)));
        assert_eq!(told["mix"], "/chain:99,app-b/items/7:1");
        assert_eq!(told["outcomes"], json!({"ok": 99, "timed out": 1}));
        let names: Vec<_> = paths.as_array().unwrap().iter().map(|path| &path["path"]).collect();
        assert_eq!(names, ["/chain", "app-b/items/7"]);
        assert!(paths[0]["latency_ms"]["p99_9"].is_f64(), "{paths}");
        assert_eq!(paths[0]["latency_ms"].as_object().map(serde_json::Map::len), Some(5));
        assert_ne!(told["latency_ms"], Value::Null);
    }
}
