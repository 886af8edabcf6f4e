//! Tables in Markdown, as `docs/` wants them.

use std::fmt;

use crate::generator::Statistics;
use crate::ingest::Ingested;
use crate::load::Load;
use crate::measure::latency::Latencies;
use crate::queries::Asked;
use crate::questions::Kind;

const MIB: f64 = (1 << 20) as f64;

pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        Self { rows: vec![header.into_iter().map(str::to_owned).collect()] }
    }

    pub fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(3)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if number == 0 {
                write!(f, "|")?;
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(*width);
                    write!(f, " {dashes}{}|", if column == 0 { " " } else { ":" })?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// What the requests are, and how small a general compressor makes them.
pub fn loads<'a>(loads: impl IntoIterator<Item = &'a Load>) -> Table {
    let mut table = Table::new([
        "load",
        "spans",
        "traces",
        "requests",
        "spans a request",
        "raw B/span",
        "`zstd -3` B/span",
    ]);
    for load in loads {
        table.row(
            &load.name(),
            [
                load.spans.to_string(),
                load.truth.traces.to_string(),
                load.requests().to_string(),
                format!("{:.0}", load.spans as f64 / load.requests() as f64),
                format!("{:.1}", load.raw()),
                format!("{:.1}", load.zstd),
            ],
        );
    }
    table
}

/// The attributes of all levels that were seen.
pub fn attributes(statistics: &Statistics) -> Table {
    let mut table = Table::new(["attribute", "times", "values", "type"]);
    for (name, key) in statistics.keys() {
        let kinds: Vec<_> = key.kinds.iter().copied().collect();
        table.row(name, [key.times.to_string(), key.distinct().to_string(), kinds.join(", ")]);
    }
    table
}

/// What it cost each server to take a load.
pub fn ingest<'a>(title: &str, rows: impl IntoIterator<Item = (&'a str, Ingested)>) -> Table {
    let mut table = Table::new([
        title,
        "spans",
        "CPU µs/span",
        "of it after the last ack",
        "spans/s",
        "ack p50 ms",
        "ack p99 ms",
        "peak MiB",
        "at rest MiB",
        "disk B/span",
        "refused",
    ]);
    for (name, run) in rows {
        let after = run.cpu_per_span - run.cpu_until_acknowledged;
        table.row(
            name,
            [
                run.spans.to_string(),
                format!("{:.2}", run.cpu_per_span),
                format!("{after:.2}{}", if run.came_to_rest { "" } else { ", not idle yet" }),
                format!("{:.0}", run.spans_per_second),
                millis(run.p50),
                millis(run.p99),
                format!("{:.0}", run.peak as f64 / MIB),
                format!("{:.0}", run.resting as f64 / MIB),
                format!("{:.1}", run.disk_per_span),
                run.refused.to_string(),
            ],
        );
    }
    table
}

/// What one server takes of what each other one takes.
pub fn ratios<'a>(
    (name, ours): (&str, Ingested),
    others: impl IntoIterator<Item = (&'a str, Ingested)>,
) -> Table {
    let title = format!("{name}, of what the other takes");
    let mut table = Table::new([&title[..], "CPU", "spans/s", "peak", "at rest", "disk"]);
    for (other, theirs) in others {
        let ratio = |ours: f64, theirs: f64| match theirs > 0.0 {
            true => format!("{:.2}", ours / theirs),
            false => "-".to_owned(),
        };
        table.row(
            other,
            [
                ratio(ours.cpu_per_span, theirs.cpu_per_span),
                ratio(ours.spans_per_second, theirs.spans_per_second),
                ratio(ours.peak as f64, theirs.peak as f64),
                ratio(ours.resting as f64, theirs.resting as f64),
                ratio(ours.disk_per_span, theirs.disk_per_span),
            ],
        );
    }
    table
}

/// The times of all servers' answers, cold ones for those that read files.
pub fn queries(servers: &[(&str, Vec<Asked>)]) -> Table {
    let mut header = vec!["p50 / p99, ms".to_owned()];
    for (name, asked) in servers {
        header.push((*name).to_owned());
        if has_cold(asked) {
            header.push(format!("{name}, cold"));
        }
    }
    let mut table = Table::new(header.iter().map(String::as_str));
    for kind in Kind::ALL {
        let mut cells = Vec::new();
        for (_, asked) in servers {
            let of_kind = asked.iter().find(|asked| asked.kind == kind);
            let is_known = of_kind.filter(|asked| asked.refused.is_none());
            let mark = if is_known.is_some_and(|asked| asked.wrong.is_some()) { "\\*" } else { "" };
            cells.push(is_known.map_or("-".to_owned(), |asked| both(&asked.warm) + mark));
            if has_cold(asked) {
                cells.push(is_known.map_or("-".to_owned(), |asked| both(&asked.cold)));
            }
        }
        table.row(kind.name(), cells);
    }
    table
}

/// What a table of times does not tell: answers of other sizes, refusals, scans, bytes read.
pub fn notes(load: &Load, servers: &[(&str, Vec<Asked>)]) -> Vec<String> {
    let mut notes =
        vec!["p99 is the greatest of what was asked less than a hundred times.".to_owned()];
    for (name, all) in servers {
        for asked in all {
            let kind = asked.kind.name();
            if let Some(wrong) = &asked.wrong {
                notes.push(format!("\\* {name}, {kind}: {wrong}."));
            }
            if let Some(refused) = &asked.refused {
                notes.push(format!("\\- {name}, {kind}: {refused}."));
            }
            if asked.kind == Kind::Scan && !asked.cpu.is_zero() {
                let rate = load.spans as f64 / asked.cpu.as_secs_f64();
                notes.push(format!(
                    "{name}, {kind}: {:.1} ms of CPU, {:.1} million stored spans a second and core.",
                    asked.cpu.as_secs_f64() * 1e3,
                    rate / 1e6
                ));
            }
        }
        let cold = all.iter().filter(|asked| asked.cold.len() > 0);
        let read: Vec<_> =
            cold.map(|asked| format!("{} {:.0}", asked.kind.name(), asked.read / 1024.0)).collect();
        if !read.is_empty() {
            notes.push(format!("{name}, KiB read for a cold question: {}.", read.join("; ")));
        }
    }
    notes
}

pub fn opening<'a>(rows: impl IntoIterator<Item = (&'a str, Latencies)>) -> Table {
    let mut table =
        Table::new(["after kill -9, ms until a right answer", "median", "greatest", "kills"]);
    for (name, times) in rows {
        table.row(
            name,
            [millis(times.percentile(50)), millis(times.percentile(100)), times.len().to_string()],
        );
    }
    table
}

pub fn millis(millis: f64) -> String {
    if millis < 10.0 { format!("{millis:.2}") } else { format!("{millis:.0}") }
}

/// The median and the 99th percentile.
pub fn both(latencies: &Latencies) -> String {
    match latencies.len() {
        0 => "-".to_owned(),
        _ => format!("{} / {}", millis(latencies.percentile(50)), millis(latencies.percentile(99))),
    }
}

fn has_cold(asked: &[Asked]) -> bool {
    asked.iter().any(|asked| asked.cold.len() > 0)
}
