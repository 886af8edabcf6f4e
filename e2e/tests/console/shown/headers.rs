//! The headers at each hop are those that the services captured.

use anyhow::{Context, ensure};
use e2e::NativeLab;
use e2e::ask::ask;
use serde::Deserialize;
use serde_json::Value;

use crate::browser::Browser;

/// A call as it is shown.
#[derive(Debug, Deserialize)]
pub struct Hop {
    /// The span of who was called, of one whose `traceparent` is told.
    to: String,
    /// Name, what was sent, what arrived.
    headers: Vec<(String, String, String)>,
}

const HOPS: &str = "return [...document.querySelectorAll('ol.hops details')].map((hop) => ({
    to: hop.querySelector('p.hint a')?.hash.slice('#span-'.length) ?? '',
    headers: [...hop.querySelectorAll('tbody tr')].map((row) => [
        row.querySelector('th').textContent, ...[...row.querySelectorAll('td')].slice(0, 2).map((it) => it.textContent),
    ]),
}))";

/// Checks them, and returns them.
pub async fn are_captured(
    lab: &NativeLab,
    browser: &Browser,
    id: &str,
) -> anyhow::Result<Vec<Hop>> {
    let url = format!("{}/api/v3/traces/{id}", lab.url("JAEGER_UI_PORT"));
    let spans = spans(&ask(&url, &[]).await?);
    let hops: Vec<Hop> = browser.ask(HOPS, Vec::new()).await?;
    let mut compared = 0;
    for hop in hops.iter().filter(|hop| !hop.to.is_empty()) {
        let to = spans.iter().find(|span| span["spanId"] == *hop.to);
        let to = to.with_context(|| format!("finding the span of {hop:?}"))?;
        let from = spans.iter().find(|span| span["spanId"] == to["parentSpanId"]);
        for (name, sent, received) in &hop.headers {
            ensure!(captured(to, name).as_deref() == Some(received), "{name} of {hop:?}: {to}");
            if let Some(from) = from {
                ensure!(captured(from, name).as_deref() == Some(sent), "{name} of {hop:?}: {from}");
            }
            compared += 1;
        }
    }
    ensure!(compared > 0, "there is no header in {hops:?}");
    Ok(hops)
}

/// Checks that this header arrived at each hop as it was sent, with these entries in any order.
pub fn arrive(hops: &[Hop], name: &str, entries: &[&str]) -> anyhow::Result<()> {
    for hop in hops {
        let has_all = |value: &str| {
            let mut found: Vec<_> = value.split(',').collect();
            found.sort_unstable();
            found == entries
        };
        let is_it = |(header, sent, received): &&(String, String, String)| {
            header == name && sent == received && has_all(sent)
        };
        ensure!(
            hop.headers.iter().any(|it| is_it(&it)),
            "{name} with {entries:?} is not in {hop:?}"
        );
    }
    Ok(())
}

fn spans(answer: &Value) -> Vec<Value> {
    let all = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let resources = all(&answer["result"], "resourceSpans").into_iter();
    let scopes = resources.flat_map(|resource| all(&resource, "scopeSpans"));
    scopes.flat_map(|scope| all(&scope, "spans")).collect()
}

fn captured(span: &Value, name: &str) -> Option<String> {
    let keys = ["http.request.header.", "rpc.request.metadata."].map(|it| format!("{it}{name}"));
    let mut attributes = span["attributes"].as_array()?.iter();
    let found = attributes.find(|it| keys.iter().any(|key| it["key"] == **key))?;
    let values = found["value"]["arrayValue"]["values"].as_array()?;
    let texts: Vec<_> = values.iter().filter_map(|it| it["stringValue"].as_str()).collect();
    Some(texts.join(", "))
}
