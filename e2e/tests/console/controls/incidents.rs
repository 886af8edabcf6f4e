//! An incident is begun, asked about, ended and told on its page, as the API tells of it.

use anyhow::{Context, ensure};
use e2e::NativeLab;
use e2e::ask::ask;
use serde_json::Value;

use crate::browser::Browser;
use crate::hand::saying;

pub async fn run(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    let told = async || ask(&format!("{}/api/incident", lab.url("CONSOLE_PORT")), &[]).await;
    browser.open("/incidents").await?;
    browser.press(saying("A certain one")).await?;
    browser.enter(&[("seed", "x")]).await?;
    browser.leave(saying("Begin")).await?;
    browser.says("seed: expected a number").await?;

    browser.press(saying("A certain one")).await?;
    browser.enter(&[("name", "slow-prices"), ("seed", "1"), ("blind", "1"), ("fast", "1")]).await?;
    browser.leave(saying("Begin")).await?;
    browser.says("under way; there is enough to see in").await?;
    let state = told().await?;
    let shown = browser.text().await?;
    ensure!(state["status"] == "begun" && state["incident"]["name"].is_null(), "{state}");
    for field in ["story", "began", "ready"] {
        let text = state["incident"][field].as_str().context("reading the incident")?;
        ensure!(shown.contains(text), "{text} is not in {shown}");
    }
    ensure!(!shown.contains("slow-prices"), "it is blind, and named in {shown}");

    browser.leave(saying("Give me a hint (1 of 3)")).await?;
    browser.says("Hints").await?;
    let hint = told().await?["incident"]["hints"][0].as_str().map(str::to_owned);
    ensure!(
        browser.all("section[aria-labelledby=incident] ol > li").await?
            == [hint.context("reading the hint")?],
        "it is another hint"
    );

    let answer = [("cause", "slow"), ("service", "app-a"), ("operation", "GET /<b>")];
    browser.enter(&answer).await?;
    browser.leave(saying("Answer")).await?;
    ensure!(browser.has("[role=alert]").await?, "nobody is told that it makes no sense");
    browser.has_entered(&answer).await?;
    ensure!(told().await?["incident"]["tries"] == 0, "it counts as an answer");
    browser.is_usable().await?;

    browser.open("/faults").await?;
    browser.says("There are hidden ones, too").await?;
    browser.open("/incidents").await?;
    browser.leave(saying("End it untold")).await?;
    browser.says("stopped").await?;
    browser.leave(saying("Tell me what it is, and end it")).await?;
    browser.says("What it was").await?;
    let state = told().await?;
    let shown = browser.text().await?;
    ensure!(state["status"] == "revealed", "{state}");
    ensure!(shown.contains("slow-prices, seed 1"), "{shown}");
    for field in ["explanation", "service", "operation"] {
        let text = state["incident"]["solution"][field].as_str().unwrap_or_default();
        ensure!(shown.contains(text), "{text} is not in {shown}");
    }
    let load: Value = ask(&lab.url("LOAD_PORT"), &[]).await?;
    ensure!(load["rate"] == 5.0, "the load is not as before: {}", load["rate"]);
    Ok(())
}
