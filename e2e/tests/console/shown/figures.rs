//! The rate and the 95th percentile of an operation are those of Prometheus, asked before and after.

use anyhow::{Context, ensure};
use e2e::ask::now;
use e2e::{NativeLab, eventually};

use super::waterfall::nanoseconds;
use crate::browser::Browser;

/// Seconds: what the page's rate covers.
const OVER: f64 = 60.0;

pub async fn are_prometheus(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    let of = r#"service_name="app-a",span_name="GET /chain",span_kind="SPAN_KIND_SERVER""#;
    let rate = format!("sum(rate(traces_span_metrics_calls_total{{{of}}}[{OVER}s]))");
    let slow = format!(
        "histogram_quantile(0.95, sum by (le) \
         (rate(traces_span_metrics_duration_milliseconds_bucket{{{of}}}[{OVER}s])))"
    );
    let ask = async || {
        let [rate, slow] = [
            lab.prometheus().value(&rate, now()).await?,
            lab.prometheus().value(&slow, now()).await?,
        ];
        anyhow::Ok(rate.filter(|rate| *rate > 0.0).zip(slow))
    };
    let before = eventually("Prometheus knows app-a's rate", ask).await?;
    browser.open("/services?minutes=1").await?;
    let after = ask().await?.context("asking again")?;
    let text = browser.text().await?;
    ensure!(text.contains("Requests of 1 min, from Prometheus."), "{text}");
    let names = browser.all("section.red thead th").await?;
    let at = |name: &str| {
        names
            .iter()
            .position(|it| it == name)
            .with_context(|| format!("finding {name} in {names:?}"))
    };
    let script = "return [...document.querySelectorAll('section.red tbody tr')]\
                  .map(row => [...row.cells].map(it => it.textContent))";
    let rows: Vec<Vec<String>> = browser.ask(script, Vec::new()).await?;
    let row = rows.iter().find(|row| row[..2] == ["app-a", "GET /chain"]);
    let row = row.with_context(|| format!("finding the row in {rows:?}"))?;
    let rate = row[at("rate")?].strip_suffix("/s").context("reading the rate")?.parse()?;
    is_between("rate", rate, [before.0, after.0])?;
    is_between("p95", nanoseconds(&row[at("p95")?])?.0 / 1e6, [before.1, after.1])
}

/// But for what rounding, and what came between, make of it.
fn is_between(name: &str, shown: f64, asked: [f64; 2]) -> anyhow::Result<()> {
    let [least, most] = [asked[0].min(asked[1]), asked[0].max(asked[1])];
    let is = (least * 0.95 - 0.01..=most * 1.05 + 0.01).contains(&shown);
    ensure!(is, "the page's {name} is {shown}, Prometheus' {asked:?}");
    Ok(())
}
