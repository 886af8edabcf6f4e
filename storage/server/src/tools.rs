//! The tools for the embedded engine's files.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use clap::Subcommand;
use spoor_embedded::OpenError;
use spoor_embedded::check::{Progress, check};
use spoor_embedded::snapshot::snapshot;
use spoor_embedded::stats::{Stats, Sum, stats};

/// The exit code of `check` when damage is left.
const EXIT_DAMAGED: u8 = 2;
/// How often progress is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// Reads and decodes everything in the directory of a stopped store, and tells what is lost.
    ///
    /// Exits 0 if the store is sound, or is again; 2 if damage is left; 1 if it can't be checked.
    Check {
        /// The store's directory: the key data_dir.
        dir: PathBuf,
        /// Keeps damaged files under `damaged/`, and writes anew what is sound of them.
        #[arg(long)]
        repair: bool,
    },
    /// Tells what the bytes of a stopped store are spent on: by file, column and service.
    Stats {
        /// The store's directory: the key data_dir.
        dir: PathBuf,
    },
    /// Copies a store, running or stopped, to a directory that can be opened as a store.
    Snapshot {
        /// The store's directory: the key data_dir.
        dir: PathBuf,
        /// The copy, which must not be there yet. On the same file system, segments are linked
        /// and take no space of their own until the store deletes them.
        target: PathBuf,
    },
}

/// Runs a tool. It waits for the disk. A snapshot ends soon after `is_stopped` tells so, and leaves
/// nothing.
pub(crate) fn run(tool: &Tool, is_stopped: &dyn Fn() -> bool) -> Result<ExitCode, String> {
    let mut bar = Bar::new();
    let mut progress = |progress| bar.show(progress);
    let (text, code) = match tool {
        Tool::Check { dir, repair } => {
            let report = check(dir, *repair, &mut progress).map_err(|error| failed(&error))?;
            let code = if report.is_sound() { 0 } else { EXIT_DAMAGED };
            (check_text(&report), code)
        }
        Tool::Stats { dir } => {
            let stats = stats(dir, &mut progress).map_err(|error| failed(&error))?;
            (stats_text(&stats), 0)
        }
        Tool::Snapshot { dir, target } => {
            let copied = snapshot(dir, target, &mut progress, is_stopped);
            let copied = copied.map_err(|error| failed(&error))?;
            let text = format!(
                "{}: {} segments ({}, {} of them copied), logs of {}\n",
                target.display(),
                copied.segments,
                ByteSize(copied.segment_bytes),
                copied.copied_segments,
                ByteSize(copied.log_bytes),
            );
            (text, 0)
        }
    };
    drop(bar);
    print!("{text}");
    Ok(ExitCode::from(code))
}

fn failed(error: &OpenError) -> String {
    error.to_string()
}

fn check_text(report: &spoor_embedded::check::Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{finding}");
    }
    let (segments, blocks, logs, spans) =
        (report.segments, report.blocks, report.logs, report.spans);
    let verdict = match (report.is_sound(), report.repaired) {
        (true, true) => "repaired: what is damaged is kept under damaged/",
        (true, false) => "sound",
        (false, _) => "damaged: --repair sets aside what is",
    };
    let _ = writeln!(
        text,
        "{segments} segments of {blocks} blocks and {logs} logs, {spans} spans: {verdict}"
    );
    text
}

fn stats_text(stats: &Stats) -> String {
    let mut text = String::new();
    let spans = stats.segment_spans + stats.log_spans;
    let _ = writeln!(
        text,
        "{spans} spans: {} in segments ({} blocks), {} in logs",
        stats.segment_spans, stats.blocks, stats.log_spans
    );

    let _ = writeln!(text, "\n{:<48} {:>11} {:>13}", "files", "count", "bytes");
    for (kind, Sum { count, bytes }) in &stats.files {
        let _ = writeln!(text, "{kind:<48} {count:>11} {bytes:>13}");
    }

    let per_span = |bytes: u64| bytes as f64 / stats.segment_spans.max(1) as f64;
    let _ = writeln!(text, "\n{:<48} {:>11} {:>13}", "in segments", "bytes", "bytes a span");
    let mut columns: Vec<(&str, u64)> =
        stats.columns.iter().map(|(name, sum)| (name.as_str(), sum.bytes)).collect();
    columns.push(("(filters, catalogue, directories)", stats.other_segment_bytes));
    columns.sort_by_key(|(name, bytes)| (u64::MAX - bytes, *name));
    let all = columns.iter().map(|(_, bytes)| bytes).sum();
    for (name, bytes) in columns.into_iter().chain([("(all)", all)]) {
        let _ = writeln!(text, "{name:<48} {bytes:>11} {:>13.3}", per_span(bytes));
    }

    let _ = writeln!(text, "\n{:<48} {:>11}", "services", "spans");
    let mut services: Vec<_> = stats.services.iter().collect();
    services.sort_by_key(|(name, spans)| (u64::MAX - **spans, *name));
    for (name, spans) in services {
        let name = if name.is_empty() { "(none)" } else { name };
        let _ = writeln!(text, "{name:<48} {spans:>11}");
    }
    text
}

/// A line on a terminal that tells how far the work is.
struct Bar {
    is_terminal: bool,
    shown: Option<Instant>,
}

impl Bar {
    fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), shown: None }
    }

    fn show(&mut self, Progress { done, total }: Progress) {
        let is_early = self.shown.is_some_and(|shown| shown.elapsed() < SHOWN_EVERY);
        if self.is_terminal && !is_early {
            let percent = 100 * done.min(total) / total.max(1);
            eprint!("\r{percent:>3} % of {}\x1b[K", ByteSize(total));
            self.shown = Some(Instant::now());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            clear_line();
        }
    }
}

/// Clears the line that shows progress, if there can be one.
pub(crate) fn clear_line() {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}
