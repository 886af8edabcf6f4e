//! The links that Jaeger's UI shows above a trace.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use e2e::ask::Span;
use e2e::files::read_file;
use e2e::{NativeLab, eventually};
use prost_types::Timestamp;
use reqwest::Url;
use serde_json::Value;

use super::text;
use crate::truth::lines;

/// Each link is one to Grafana's Explore, with a query for the lines that were printed in the
/// trace.
pub async fn leads_to_logs(lab: &NativeLab, spans: &[Span]) -> anyhow::Result<()> {
    let configuration = read_file(Path::new("compose/jaeger/ui.json"))?;
    let patterns = configuration["linkPatterns"].as_array().context("finding the links")?;
    ensure!(!patterns.is_empty(), "there is no link");
    let printed = lines(lab).iter().filter(|line| line.trace == spans[0].trace).count();
    for pattern in patterns {
        ensure!(pattern["type"] == "traces", "{pattern}: others cannot format times");
        let url = Url::parse(&expand(text(pattern, "url")?, spans)?)?;
        ensure!(url.path() == "/explore", "it leads to {url}");
        let panes = url.query_pairs().find(|(key, _)| key == "panes");
        let panes: Value = serde_json::from_str(&panes.context("finding panes")?.1)?;
        for pane in panes.as_object().context("reading panes")?.values() {
            ensure!(pane["datasource"] == "loki", "it asks {pane}");
            let (query, range) = (text(&pane["queries"][0], "expr")?, &pane["range"]);
            let range = [time(text(range, "from")?)?, time(text(range, "to")?)?];
            eventually(&format!("Loki has {printed} lines of {query}"), async || {
                let found = lab.loki().lines(query, range).await?;
                Ok((found.len() == printed).then_some(()))
            })
            .await?;
        }
    }
    Ok(())
}

/// The URL with what is between `#{` and `}` replaced: a variable of the trace, formatted by what
/// follows each `|`.
fn expand(url: &str, spans: &[Span]) -> anyhow::Result<String> {
    let mut parts = url.split("#{");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once('}').context("finding the end of a variable")?;
        let mut words = expression.split('|').map(str::trim);
        let mut value = match words.next() {
            Some("traceID") => spans[0].trace.clone(),
            Some("startTime") => micros(spans.iter().map(|span| span.start).min()),
            Some("endTime") => micros(spans.iter().map(|span| span.end).max()),
            other => bail!("expanding {other:?}"),
        };
        for formatter in words {
            let number: i64 = value.parse().with_context(|| format!("formatting {value}"))?;
            value = match formatter.split_once(' ') {
                Some(("add", more)) => (number + more.parse::<i64>()?).to_string(),
                None if formatter == "epoch_micros_to_date_iso" => iso(number),
                _ => bail!("formatting by {formatter}"),
            };
        }
        // The UI encodes each value as a component of a URI.
        expanded.push_str(&value.replace(':', "%3A"));
        expanded.push_str(rest);
    }
    Ok(expanded)
}

fn micros(nanoseconds: Option<u64>) -> String {
    (nanoseconds.unwrap_or_default() / 1_000).to_string()
}

fn iso(micros: i64) -> String {
    let nanos = micros.rem_euclid(1_000_000) as i32 * 1_000;
    // As JavaScript has it, milliseconds.
    let nanos = nanos / 1_000_000 * 1_000_000;
    Timestamp { seconds: micros.div_euclid(1_000_000), nanos }.to_string()
}

fn time(text: &str) -> anyhow::Result<f64> {
    let time: Timestamp = text.parse().with_context(|| format!("reading the time {text}"))?;
    Ok(time.seconds as f64 + f64::from(time.nanos) / 1e9)
}
