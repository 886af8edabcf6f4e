//! The links of every page, and those of the first and of the services' figures.

use anyhow::ensure;
use e2e::NativeLab;
use thirtyfour::prelude::*;

use crate::browser::Browser;
use crate::hand::saying;

const PLACES: [(&str, &str); 7] = [
    ("Search", "/search"),
    ("Services", "/services"),
    ("Faults", "/faults"),
    ("Load", "/load"),
    ("Incidents", "/incidents"),
    ("Doctor", "/doctor"),
    ("Requests", "/"),
];

pub async fn lead(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    browser.open("/").await?;
    for (name, path) in PLACES {
        browser.leave(By::Css(format!("header nav a[href='{path}']"))).await?;
        browser.is_at(path).await?;
        let here = browser.all("header nav [aria-current=page]").await?;
        ensure!(here == [name], "{path} is {here:?}");
    }
    for (name, port) in [("Jaeger", "JAEGER_UI_PORT"), ("Prometheus", "PROMETHEUS_PORT")] {
        let href = format!("footer a[href='{}']", lab.url(port));
        let found = browser.all(&href).await?;
        ensure!(found == [name], "{href}: {found:?}");
    }
    // It is seen while it has the focus: there is nothing to be clicked on.
    browser.key_on("a.skip").await?;
    let script = "return [location.hash, document.activeElement.id]";
    let at: [String; 2] = browser.ask(script, Vec::new()).await?;
    ensure!(at == ["#main", "main"], "the way past the navigation leads to {at:?}");

    browser.leave(By::Css("table.traces tbody a")).await?;
    browser.is_at("/trace/").await?;
    browser.open("/").await?;
    browser.leave(saying("Search for others")).await?;
    browser.is_at("/search").await?;

    browser.open("/services").await?;
    browser.leave(saying("last 15 min")).await?;
    let chosen = browser.all("nav.times [aria-current]").await?;
    ensure!(chosen == ["last 15 min"], "{chosen:?} is chosen");
    let operation = browser.all("section.red tbody th a").await?;
    browser.leave(By::Css("section.red tbody th a")).await?;
    browser.is_at("/search").await?;
    browser.has_entered(&[("operation", &operation[0])]).await
}
