//! An examination that is started on the page ends with the doctor's table.

use anyhow::ensure;
use e2e::eventually;

use crate::browser::Browser;
use crate::hand::saying;

pub async fn examine(browser: &Browser) -> anyhow::Result<()> {
    browser.open("/doctor").await?;
    browser.leave(saying("Examine the lab")).await?;
    browser.says("An examination is under way").await
}

pub async fn examination_ends(browser: &Browser) -> anyhow::Result<()> {
    browser.open("/doctor").await?;
    // It is loaded again by itself.
    eventually("the doctor has reported", async || {
        let text = browser.text().await.unwrap_or_default();
        Ok((text.contains("Report") && !text.contains("is under way")).then_some(()))
    })
    .await?;
    let text = browser.text().await?;
    ensure!(text.contains("Every link works."), "{text}");
    let links = browser.all("tbody th").await?;
    for link in ["app-a", "spoor", "spans", "logs", "span-metrics", "exemplars"] {
        ensure!(links.iter().any(|it| it == link), "{link} is not in {links:?}");
    }
    Ok(())
}
