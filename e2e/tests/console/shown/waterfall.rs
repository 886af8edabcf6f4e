//! The waterfall is the trace as Jaeger has it: each span in its place, with its name, its time and
//! its attributes.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use e2e::NativeLab;
use e2e::ask::Span;
use serde::Deserialize;

use crate::browser::Browser;

/// Points of the width of a bar that a browser may round.
const ROUNDING: f64 = 0.01;
/// Of the width: a shorter bar could not be seen.
const LEAST: f64 = 0.3;

/// A line as it is shown.
#[derive(Debug, Deserialize)]
struct Line {
    id: String,
    service: String,
    name: String,
    took: String,
    depth: usize,
    failed: bool,
    /// Of the drawing's width, in percent.
    from: f64,
    wide: f64,
}

const LINES: &str = "return [...document.querySelectorAll('ol.rows > li')].map((row) => {
    const text = (selector) => row.querySelector(selector).textContent;
    const bar = row.querySelector('svg.bar rect');
    return {
        id: row.id.slice('span-'.length),
        service: text('.service bdi'),
        name: text('.name bdi'),
        took: text('.took'),
        depth: Number(/\\bd(\\d+)\\b/.exec(row.className)[1]),
        failed: row.classList.contains('failed'),
        from: parseFloat(bar.getAttribute('x')),
        wide: parseFloat(bar.getAttribute('width')),
    };
})";
const FACTS: &str =
    "return Object.fromEntries([...document.querySelectorAll('main > dl.facts > div')]
    .map((it) => [it.querySelector('dt').textContent, it.querySelector('dd').textContent]))";
const PAIRS: &str = "return [...document.querySelectorAll('.row.open .detail table.pairs tbody tr')]
    .map((it) => [it.querySelector('th').textContent, it.querySelector('td:last-child').textContent])";

/// Checks the page of the trace that the browser shows.
pub async fn is_jaegers(lab: &NativeLab, browser: &Browser, id: &str) -> anyhow::Result<()> {
    let lines: Vec<Line> = browser.ask(LINES, Vec::new()).await?;
    let spans = lab.jaeger().trace(id).await?;
    let due = in_order(&spans);
    ensure!(due.len() == lines.len(), "{} lines of {} spans", lines.len(), due.len());
    let start = spans.iter().map(|span| span.start).min().context("finding the begin")?;
    let end = spans.iter().map(|span| span.end).max().context("finding the end")?;
    let whole = (end - start) as f64 / 100.0;
    for ((span, depth), line) in due.iter().zip(&lines) {
        let expected = (&span.id, &span.service, &span.name, *depth, span.failed);
        let shown = (&line.id, &line.service, &line.name, line.depth, line.failed);
        ensure!(expected == shown, "expected {expected:?}, found {shown:?}");
        let (took, rounding) = nanoseconds(&line.took)?;
        let differs = took.abs_diff((span.end - span.start) as f64);
        ensure!(differs <= rounding, "{span:?} is shown as {}", line.took);
        let from = (span.start - start) as f64 / whole;
        let wide = ((span.end - span.start) as f64 / whole).max(LEAST);
        let is_in_place = line.wide.abs_diff(wide) <= ROUNDING
            && (line.from.abs_diff(from) <= ROUNDING || line.from + line.wide >= 100.0 - ROUNDING);
        ensure!(is_in_place, "expected from {from} for {wide}, found {line:?}");
    }
    let facts: BTreeMap<String, String> = browser.ask(FACTS, Vec::new()).await?;
    let failed = spans.iter().filter(|span| span.failed).count();
    for (name, expected) in
        [("trace", id), ("spans", &spans.len().to_string()), ("errors", &failed.to_string())]
    {
        ensure!(facts.get(name).map(String::as_str) == Some(expected), "{name}: {facts:?}");
    }
    Ok(())
}

/// Checks what is shown of the span that is open.
pub async fn has_attributes(lab: &NativeLab, browser: &Browser, id: &str) -> anyhow::Result<()> {
    let open: Vec<String> = browser
        .ask("return [...document.querySelectorAll('.row.open')].map(it => it.id)", Vec::new())
        .await?;
    let open = open.first().context("finding the open span")?.trim_start_matches("span-");
    let spans = lab.jaeger().trace(id).await?;
    let span = spans.iter().find(|span| span.id == open).context("finding it in Jaeger")?;
    let shown: Vec<(String, String)> = browser.ask(PAIRS, Vec::new()).await?;
    ensure!(!span.attributes.is_empty(), "it has no attributes: {span:?}");
    for (key, value) in &span.attributes {
        let is_it = |shown: &&(String, String)| (&shown.0, &shown.1) == (key, value);
        ensure!(shown.iter().any(|it| is_it(&it)), "{key}={value} is not in {shown:?}");
    }
    Ok(())
}

/// Each below its parent, by their begin, and how deep.
fn in_order(spans: &[Span]) -> Vec<(&Span, usize)> {
    let is_there = |id: &str| spans.iter().any(|span| span.id == id);
    let mut tops: Vec<_> = spans.iter().filter(|span| !is_there(&span.parent)).collect();
    tops.sort_by_key(|span| (!span.parent.is_empty(), span.start));
    let mut due = Vec::new();
    // The last is the next.
    let mut left: Vec<_> = tops.into_iter().rev().map(|span| (span, 0)).collect();
    while let Some((span, depth)) = left.pop() {
        due.push((span, depth));
        let mut below: Vec<_> = spans.iter().filter(|it| it.parent == span.id).collect();
        below.sort_by_key(|span| std::cmp::Reverse(span.start));
        left.extend(below.into_iter().map(|below| (below, depth + 1)));
    }
    due
}

/// Of a number and its unit, and how far it may be rounded.
pub fn nanoseconds(text: &str) -> anyhow::Result<(f64, f64)> {
    let (number, unit) =
        text.trim().split_once(' ').with_context(|| format!("reading {text:?}"))?;
    let (unit, rounding) = match unit {
        "µs" => (1e3, 501.0),
        "ms" => (1e6, 5.01e4),
        "s" => (1e9, 5.01e6),
        _ => anyhow::bail!("reading {text:?}: there is no unit {unit}"),
    };
    Ok((number.parse::<f64>()? * unit, rounding))
}

trait AbsDiff {
    fn abs_diff(self, other: Self) -> Self;
}

impl AbsDiff for f64 {
    fn abs_diff(self, other: Self) -> Self {
        (self - other).abs()
    }
}
