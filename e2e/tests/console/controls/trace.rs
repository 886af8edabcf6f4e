//! What can be done on the page of a trace.

use anyhow::ensure;
use e2e::{NativeLab, eventually};
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::hand::saying;
use crate::pages::Traces;
use crate::shown::waterfall;

const FIRST: &str = "ol.rows > li:first-child > a.line";
const DETAIL: &str = "ol.rows > li:first-child > .detail";

pub async fn works(lab: &NativeLab, browser: &Browser, traces: &Traces) -> anyhow::Result<()> {
    let path = format!("/trace/{}", traces.sent);
    browser.open(&path).await?;
    waterfall::is_jaegers(lab, browser, &traces.sent).await?;
    opens_a_span(lab, browser, &traces.sent).await?;
    goes_from_line_to_line(browser).await?;
    leads_to_its_parts(browser).await?;
    opens_a_hop(browser).await?;
    leads_from_a_line_to_its_span(browser).await?;
    chooses_lines(lab, browser, &traces.sent).await?;
    jumps_to_an_error(browser, &traces.failed).await?;
    turns(browser, &traces.large).await
}

/// In place with scripts, else on another page.
async fn opens_a_span(lab: &NativeLab, browser: &Browser, id: &str) -> anyhow::Result<()> {
    let is_open = async |open: bool| {
        let condition = format!("the span is open: {open}");
        let selector = if open { DETAIL } else { "ol.rows:not(:has(.detail))" };
        let state = format!("{FIRST}[aria-expanded={open}]");
        eventually(&condition, async || {
            let is_so = browser.has(selector).await.unwrap_or_default()
                && browser.has(&state).await.unwrap_or_default();
            Ok(is_so.then_some(()))
        })
        .await
    };
    browser.press(By::Css(FIRST)).await?;
    is_open(true).await?;
    waterfall::has_attributes(lab, browser, id).await?;
    let is_in_place = !browser.path().await?.contains("?span=");
    ensure!(is_in_place == browser.look.scripts, "it is at {}", browser.path().await?);
    browser.is_usable().await?;
    browser.press(By::Css(FIRST)).await?;
    is_open(false).await
}

async fn goes_from_line_to_line(browser: &Browser) -> anyhow::Result<()> {
    if !browser.look.scripts {
        return Ok(());
    }
    browser.find(FIRST).await?.focus().await?;
    for (key, expected) in [(Key::Down, 1), (Key::Down, 2), (Key::Up, 1)] {
        browser.driver.action_chain().send_keys(key).perform().await?;
        let script =
            "return [...document.querySelectorAll('a.line')].indexOf(document.activeElement)";
        let at: i32 = browser.ask(script, Vec::new()).await?;
        ensure!(at == expected, "the line is {at}, not {expected}");
    }
    Ok(())
}

async fn leads_to_its_parts(browser: &Browser) -> anyhow::Result<()> {
    let parts = browser.all("nav.contents a").await?;
    ensure!(parts.len() >= 6, "{parts:?}");
    for part in parts {
        browser.press(saying(&part)).await?;
        let script = "const it = document.querySelector(location.hash).getBoundingClientRect();\
                      return it.height > 0 && it.top >= 0 && it.bottom <= innerHeight";
        ensure!(browser.ask::<bool>(script, Vec::new()).await?, "{part} is not to be seen");
    }
    Ok(())
}

async fn opens_a_hop(browser: &Browser) -> anyhow::Result<()> {
    let hop = "ol.hops > li:first-child > details";
    browser.press(By::Css(format!("{hop}:not([open]) > summary"))).await?;
    ensure!(browser.has(&format!("{hop}[open]")).await?, "its headers are not shown");
    Ok(())
}

async fn leads_from_a_line_to_its_span(browser: &Browser) -> anyhow::Result<()> {
    browser.press(By::Css(".lines a.span")).await?;
    eventually("the span of a line is there", async || {
        Ok(browser.has(".row:target .detail").await.unwrap_or_default().then_some(()))
    })
    .await
}

async fn chooses_lines(lab: &NativeLab, browser: &Browser, id: &str) -> anyhow::Result<()> {
    let spans = lab.jaeger().trace(id).await?;
    let of = |service: &str| spans.iter().filter(|span| span.service == service).count();
    browser.open(&format!("/trace/{id}")).await?;
    let on_path = browser.all("ol.rows > li.critical").await?.len();
    browser.enter(&[("service", "app-b")]).await?;
    browser.leave(By::Css("form.filter button")).await?;
    browser.says(&format!("chosen from {} spans", spans.len())).await?;
    let shown = browser.all("ol.rows .what .service").await?;
    ensure!(shown.iter().all(|it| it == "app-b") && shown.len() == of("app-b"), "{shown:?}");
    browser.has_entered(&[("service", "app-b")]).await?;
    browser.enter(&[("service", ""), ("critical", "1")]).await?;
    browser.leave(By::Css("form.filter button")).await?;
    let shown = browser.all("ol.rows > li").await?;
    let critical = browser.all("ol.rows > li.critical").await?;
    ensure!(shown == critical && shown.len() == on_path, "{shown:?}");
    browser.enter(&[("critical", ""), ("errors", "1")]).await?;
    browser.leave(By::Css("form.filter button")).await?;
    browser.says("No span is as wanted.").await
}

async fn jumps_to_an_error(browser: &Browser, id: &str) -> anyhow::Result<()> {
    browser.open(&format!("/trace/{id}")).await?;
    browser.leave(saying("first error")).await?;
    ensure!(browser.has(".row.failed.open:target .detail").await?, "it is not shown");
    Ok(())
}

async fn turns(browser: &Browser, id: &str) -> anyhow::Result<()> {
    browser.open(&format!("/trace/{id}")).await?;
    for (link, lines) in [("next", "501 to 600"), ("previous", "1 to 500"), ("last", "501 to 600")]
    {
        browser.leave(saying(link)).await?;
        browser.says(&format!("Lines {lines} of 600")).await?;
    }
    Ok(())
}
