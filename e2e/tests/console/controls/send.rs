//! Sending a request, and the page of what became of it.

use anyhow::{Context, ensure};
use e2e::{NativeLab, eventually};
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::hand::saying;
use crate::shown::{headers, waterfall};

pub async fn sends(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    browser.open("/").await?;
    has_fields_of_the_endpoint(browser).await?;
    let order = [
        ("service", "app-b"),
        ("endpoint", "POST /orders"),
        ("customer", "12"),
        ("items", "901 2\n902"),
    ];
    browser.enter(&order).await?;
    browser.leave(By::Css("form.send button")).await?;
    let id = browser.is_settled().await?;
    browser.is_usable().await?;
    let text = browser.text().await?;
    let body = r#"{"customer":12,"items":[{"quantity":2,"sku":901},{"quantity":1,"sku":902}]}"#;
    for expected in ["POST", "/orders", body, "sent from here"] {
        ensure!(text.contains(expected), "{expected} is not in {text}");
    }
    waterfall::is_jaegers(lab, browser, &id).await?;

    browser.open("/").await?;
    browser.enter(&order).await?;
    browser.press(saying("Context that goes with it")).await?;
    browser.enter(&[("baggage", "no value")]).await?;
    browser.leave(By::Css("form.send button")).await?;
    browser.says("baggage: expected key=value").await?;
    ensure!(browser.has("[role=alert]").await?, "nobody is told of the problem");
    browser.has_entered(&order).await?;
    browser.has_entered(&[("baggage", "no value")]).await?;
    ensure!(browser.has("details.more[open]").await?, "what is wrong is not to be seen");

    browser.is_usable().await?;

    browser.enter(&[("baggage", ""), ("sampled", "no")]).await?;
    browser.leave(By::Css("form.send button")).await?;
    browser.says("It was not sampled").await
}

/// With scripts the others are hidden.
async fn has_fields_of_the_endpoint(browser: &Browser) -> anyhow::Result<()> {
    let shown = async || {
        let script = "return [...document.querySelectorAll('form.send fieldset')]\
                      .filter(it => it.checkVisibility()).map(it => it.dataset.endpoint)";
        browser.ask::<Vec<String>>(script, Vec::new()).await
    };
    let own = ["GET /items/{id}", "GET /cpu_task", "POST /orders"];
    if !browser.look.scripts {
        ensure!(shown().await? == own, "fields are missing: {:?}", shown().await?);
        return Ok(());
    }
    for endpoint in own.into_iter().chain(["GET /chain"]) {
        browser.enter(&[("endpoint", endpoint)]).await?;
        let shown = shown().await?;
        ensure!(shown.iter().all(|it| it == endpoint), "{endpoint} has {shown:?}");
        ensure!(shown.is_empty() == (endpoint == "GET /chain"), "{endpoint} has {shown:?}");
    }
    Ok(())
}

/// The trace of a debug id is found by it, and baggage gets to every hop.
pub async fn sends_context(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    let width = browser.look.width;
    let debug_id = format!("ticket {width} <b>{}</b>", u8::from(browser.look.scripts));
    browser.open("/").await?;
    browser.enter(&[("service", "app-a"), ("endpoint", "GET /chain")]).await?;
    browser.press(saying("Context that goes with it")).await?;
    browser.enter(&[("baggage", "tier=gold\nuser.id=7"), ("debug_id", &debug_id)]).await?;
    browser.leave(By::Css("form.send button")).await?;
    let id = browser.is_settled().await?;
    let spans = eventually("all of the chain is there", async || {
        let spans = lab.jaeger().trace(&id).await?;
        Ok((spans.iter().filter(|span| span.is_server()).count() >= 4).then_some(spans))
    })
    .await?;
    let first = spans.iter().find(|span| span.parent.is_empty()).context("finding the root")?;
    let found = first.attributes.get("jaeger-debug-id");
    ensure!(found == Some(&debug_id), "the first span is of {found:?}");

    browser.open(&format!("/trace/{id}")).await?;
    let text = browser.text().await?;
    ensure!(text.contains(&format!("jaeger-debug-id\t{debug_id}")), "it is not in {text}");
    let hops = headers::are_captured(lab, browser, &id).await?;
    ensure!(hops.len() >= 4, "{hops:?}");
    headers::arrive(&hops, "baggage", &["tier=gold", "user.id=7"])?;

    browser.open("/search").await?;
    browser.enter(&[("attributes", &format!("jaeger-debug-id={debug_id}"))]).await?;
    browser.leave(By::Css("form.search button")).await?;
    browser.is_at("/search").await?;
    let found: Vec<String> = browser
        .ask(
            "return [...document.querySelectorAll('table.traces a')].map(it => it.pathname)",
            Vec::new(),
        )
        .await?;
    ensure!(found == [format!("/trace/{id}")], "{debug_id} is of {found:?}, not {id}");
    Ok(())
}
