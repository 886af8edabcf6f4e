//! A trace's page has every line that Loki has of it, and says whose they are.

use std::collections::BTreeSet;

use anyhow::ensure;
use e2e::ask::now;
use e2e::{NativeLab, SERVICES, eventually};

use crate::browser::Browser;

pub async fn are_lokis(lab: &NativeLab, browser: &Browser, id: &str) -> anyhow::Result<()> {
    let logql = format!(r#"{{service_name=~".+"}} | trace_id="{id}""#);
    let lines = eventually("Loki has the lines of all services", async || {
        let lines = lab.loki().lines(&logql, [now() - 600.0, now() + 1.0]).await?;
        let of: BTreeSet<_> = lines.iter().map(|line| &*line.labels["service_name"]).collect();
        Ok(SERVICES.iter().all(|(service, _)| of.contains(service)).then_some(lines))
    })
    .await?;
    eventually("each line leads to its span", async || {
        browser.open(&format!("/trace/{id}")).await?;
        let script = "return [...document.querySelectorAll('.lines a.span')]\
                      .filter(it => document.querySelector(it.hash)).length";
        Ok((browser.ask::<usize>(script, Vec::new()).await? >= lines.len()).then_some(()))
    })
    .await?;
    let text = browser.text().await?;
    ensure!(text.contains("of this trace, from Loki."), "{text}");
    let shown = browser.all(".lines > .line").await?;
    for line in &lines {
        let service = &line.labels["service_name"];
        let is_it = |shown: &&String| shown.contains(&line.text) && shown.contains(service);
        ensure!(shown.iter().any(|it| is_it(&it)), "{line:?} is not in {shown:?}");
    }
    Ok(())
}
