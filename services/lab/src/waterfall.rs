//! `lab trace`: a trace as a tree, with a bar for the time of each span.

use std::io::{sink, stdout};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use ::console::Line;
use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};
use traces::{Row, Storage, Stretch, Trace};

use crate::addresses::Addresses;
use crate::doctor::lab::Lab;
use crate::output::Output;
use crate::ports::known::STORAGE;
use crate::with::With;
use crate::{log_lines, tree};

/// How long a trace may take to arrive.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long no span may come before it is taken for whole: services send each second.
const QUIET: Duration = Duration::from_millis(1_500);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How far a line's clock may be behind.
const CLOCKS: Duration = Duration::from_secs(60);
/// Columns of a bar.
const COLUMNS: u64 = 40;

/// Which trace, and where.
#[derive(clap::Args)]
pub struct Arguments {
    /// Its id, as `curl localhost:8000/chain` tells it
    #[arg(value_name = "ID")]
    id: String,
    /// Show its log lines below it
    #[arg(long)]
    logs: bool,
    /// Ask the storage server by its name, from a container beside it
    #[arg(long)]
    inside: bool,
}

/// Prints the trace once it is whole.
///
/// # Errors
/// When the id is none, nobody answers, or there is no such trace.
pub async fn run(Arguments { id, logs, inside }: Arguments) -> anyhow::Result<ExitCode> {
    let addresses = match inside {
        true => Addresses::inside(),
        false => Addresses::published(|name| std::env::var(name).ok())?,
    };
    let storage = Storage::new(&addresses.url(STORAGE))?;
    let end = Instant::now() + DEADLINE;
    let (mut trace, mut changed) = (Trace::default(), Instant::now());
    while changed.elapsed() < QUIET || (trace.is_empty() && Instant::now() < end) {
        let now = storage.trace(&id).await.context("reading the trace")?;
        if now.spans().len() != trace.spans().len() {
            (trace, changed) = (now, Instant::now());
        }
        sleep(POLL_INTERVAL).await;
    }
    if trace.is_empty() {
        bail!("there is no trace {id}: not sampled, never sent, or not of this lab");
    }
    let mut drawn = draw(&trace);
    if logs {
        drawn.push_str(&lines(&addresses, &id, &trace).await?);
    }
    Output::new(stdout()).print(drawn).await;
    Ok(ExitCode::SUCCESS)
}

/// The log lines of the trace, in order, each with the name of the span in which it was written.
async fn lines(addresses: &Addresses, id: &str, trace: &Trace) -> anyhow::Result<String> {
    let (with, nobody) = ([With::Loki], Output::new(sink()));
    let lab = Lab::new(addresses, &with, DEADLINE, &nobody);
    let begin = UNIX_EPOCH + Duration::from_nanos(trace.window().0);
    let since = begin.checked_sub(CLOCKS).unwrap_or(UNIX_EPOCH);
    let lines = log_lines::of_trace(&lab, id, since).await;
    let lines = lines.map_err(|problem| anyhow::anyhow!("reading its log lines: {problem}"))?;
    let line = |Line { severity, service, span_id, text, .. }: &Line| {
        let span = trace.span(span_id).map_or("(no span)", |span| span.name.as_str());
        format!("{service}  {span:22}  {severity:5}  {text}\n")
    };
    Ok(format!("\nlog lines: {}\n\n{}", lines.len(), lines.iter().map(line).collect::<String>()))
}

/// A line for each span. In its bar the time that the whole waited for is `█`, any other `░`.
pub fn draw(trace: &Trace) -> String {
    let rows = trace.rows();
    let labels = tree::labels(&rows);
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let path = trace.critical_path();
    let (services, spans) = (trace.services().len(), rows.len());
    let duration = trace.duration() as f64 / 1e6;
    let mut drawn = format!("spans: {spans}, services: {services}, {duration:.1} ms\n\n");
    if trace.is_cut() {
        drawn.insert_str(
            0,
            "larger than what is read of a trace: this is told of what was written first\n",
        );
    }
    for (label, row) in labels.iter().zip(&rows) {
        let span = row.span;
        let error = if span.is_error() { "  error" } else { "" };
        drawn.push_str(&format!(
            "{label:width$}  {:8}  {:9}  {:9.1} ms  {}{error}\n",
            span.kind_name(),
            span.protocol,
            span.duration() as f64 / 1e6,
            bar(trace, row, &path)
        ));
    }
    drawn
}

fn bar(trace: &Trace, row: &Row<'_>, path: &[Stretch<'_>]) -> String {
    let (begin, _) = trace.window();
    let whole = trace.duration().max(1);
    let column =
        |time: u64| (u128::from(time - begin) * u128::from(COLUMNS) / u128::from(whole)) as u64;
    let span = row.span;
    let (first, last) = (column(span.start).min(COLUMNS - 1), column(span.end.max(span.start)));
    let is_waited_for = |place: u64| {
        let mut of_span = path.iter().filter(|stretch| std::ptr::eq(stretch.span, span));
        of_span.any(|stretch| {
            (column(stretch.start)..=column(stretch.end.saturating_sub(1))).contains(&place)
        })
    };
    let cell = |place: u64| match place {
        place if place < first || place > last.saturating_sub(1).max(first) => ' ',
        place if is_waited_for(place) => '█',
        _ => '░',
    };
    format!("▕{}▏", (0..COLUMNS).map(cell).collect::<String>())
}

#[cfg(test)]
mod tests {
    use traces::{Span, SpanKind, Status};

    use super::*;

    fn span(id: &str, parent_id: &str, name: &str, [start, end]: [u64; 2]) -> Span {
        Span {
            id: id.to_owned(),
            parent_id: parent_id.to_owned(),
            service: "app-a".to_owned(),
            name: name.to_owned(),
            start: 1_000_000_000 + start * 1_000_000,
            end: 1_000_000_000 + end * 1_000_000,
            kind: SpanKind::Internal,
            ..Span::default()
        }
    }

    #[test]
    fn each_span_has_its_place_and_what_was_waited_for_is_full() {
        let mut failed = span("4", "3", "deep", [50, 80]);
        failed.status = Status::Error(String::new());
        let trace = Trace::of(vec![
            span("1", "", "whole", [0, 80]),
            span("2", "1", "first", [0, 40]),
            span("3", "1", "then", [40, 80]),
            failed,
        ]);
        let expected = "\
spans: 4, services: 1, 80.0 ms

app-a  whole       INTERNAL                  80.0 ms  ▕░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░▏
├─ app-a  first    INTERNAL                  40.0 ms  ▕████████████████████                    ▏
└─ app-a  then     INTERNAL                  40.0 ms  ▕                    █████░░░░░░░░░░░░░░░▏
   └─ app-a  deep  INTERNAL                  30.0 ms  ▕                         ███████████████▏  error
";
        assert_eq!(draw(&trace), expected);
    }
}
