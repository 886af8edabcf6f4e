//! Searching, and turning the page.

use anyhow::ensure;
use e2e::NativeLab;
use e2e::ask::now;
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::hand::saying;

pub async fn finds(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    let fields = [
        ("service", "app-a"),
        ("operation", "GET /chain"),
        ("attributes", "http.request.method=GET\nhttp.response.status_code=200"),
        ("min", "1us"),
        ("max", "1h"),
        ("within", "15m"),
        ("limit", "50"),
    ];
    browser.open("/search").await?;
    browser.enter(&fields).await?;
    browser.leave(By::Css("form.search button")).await?;
    let traces = found(browser).await?;
    browser.has_entered(&fields).await?;
    for id in traces.iter().take(3) {
        let spans = lab.jaeger().trace(id).await?;
        let is_it =
            spans.iter().any(|span| (&*span.service, &*span.name) == ("app-a", "GET /chain"));
        ensure!(is_it, "{id} has no such span: {spans:?}");
    }

    browser.open("/search").await?;
    browser.enter(&[("errors", "1")]).await?;
    browser.leave(By::Css("form.search button")).await?;
    let failed = found(browser).await?;
    let errors = browser.all("table.traces td.error").await?;
    ensure!(errors.len() == failed.len(), "{} of {} have errors", errors.len(), failed.len());

    // All of them have come by now.
    let until = (now() - 10.0) * 1e3;
    browser.open(&format!("/search?within=15m&until={until:.0}")).await?;
    let first = found(browser).await?;
    browser.leave(saying("next page")).await?;
    let second = found(browser).await?;
    ensure!(second.iter().all(|id| !first.contains(id)), "{second:?} repeats {first:?}");
    browser.leave(saying("first page")).await?;
    let again = found(browser).await?;
    ensure!(again == first, "the first page was {first:?} and is {again:?}");

    browser.enter(&[("min", "long")]).await?;
    browser.leave(By::Css("form.search button")).await?;
    browser.says("at least: ").await?;
    browser.has_entered(&[("min", "long")]).await?;
    Ok(())
}

/// The traces that the page shows, which are some.
async fn found(browser: &Browser) -> anyhow::Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('table.traces th a')]\
                  .map(it => it.pathname.slice('/trace/'.length))";
    let found: Vec<String> = browser.ask(script, Vec::new()).await?;
    ensure!(!found.is_empty(), "there are none at {}", browser.path().await?);
    Ok(found)
}
