//! A fault that is begun on the page is the service's, and one that it refuses is in the form with the
//! reason.

use anyhow::{Context, ensure};
use e2e::{NativeLab, http};
use serde_json::Value;

use crate::browser::Browser;
use crate::hand::saying;

const FORM: [(&str, &str); 6] = [
    ("service", "app-c"),
    ("kind", "latency"),
    ("operation", "POST /payments"),
    ("seed", "7"),
    ("distribution", "constant"),
    ("ms", "150"),
];
const SENTENCE: &str = "150 ms longer, in POST /payments";

pub async fn switch(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    browser.open("/faults").await?;
    for (ratio, problem) in [("7<", "ratio: "), ("7", "7 is not above 0")] {
        browser.enter(&FORM).await?;
        browser.enter(&[("ratio", ratio)]).await?;
        browser.leave(saying("Begin the fault")).await?;
        browser.says(problem).await?;
        browser.has_entered(&FORM).await?;
        browser.has_entered(&[("ratio", ratio)]).await?;
    }
    ensure!(listed(lab).await? == Value::Array(Vec::new()), "a refused fault is there");

    for end in ["fault", "all"] {
        browser.enter(&[("ratio", "0.5")]).await?;
        if end == "all" {
            browser.enter(&FORM).await?;
        }
        browser.leave(saying("Begin the fault")).await?;
        browser.says(SENTENCE).await?;
        if end == "fault" {
            browser.is_usable().await?;
        }
        let faults = listed(lab).await?;
        let is_it = faults[0]["operation"] == "POST /payments" && faults[0]["ratio"] == 0.5;
        ensure!(is_it, "{faults}");
        match end {
            "all" => browser.leave(saying("End all faults of all services")).await?,
            _ => browser.leave(saying(&format!("End fault {} of app-c", faults[0]["id"]))).await?,
        }
        let text = browser.text().await?;
        ensure!(!text.contains(SENTENCE), "it is still in {text}");
        ensure!(listed(lab).await? == Value::Array(Vec::new()), "an ended fault is there");
    }
    Ok(())
}

/// Those of the service, as it tells itself.
async fn listed(lab: &NativeLab) -> anyhow::Result<Value> {
    let output = lab.output();
    let admin =
        output.lines().find_map(|line| line.strip_prefix("Faults curl -H 'Authorization: "));
    let (bearer, _) = admin.and_then(|it| it.split_once('\'')).context("finding the token")?;
    let url = format!("{}/faults", lab.url("APP_C_ADMIN_PORT"));
    let answer = http().get(&url).header("authorization", bearer).send().await?;
    Ok(answer.json::<Value>().await?["faults"].clone())
}
