//! The console in a browser, in the whole native lab: its pages work however they are looked at, show
//! what the parts tell whoever asks them, and do nothing that telemetry or another page wants.

mod browser;
mod controls;
mod findings;
mod flaws;
mod foreign;
mod hand;
mod heard;
mod hostile;
mod pages;
mod shown;
mod telemetry;
mod usable;

use anyhow::Context;
use e2e::{Changes, NativeLab, eventually, http};
use serde_json::Value;

use browser::{Browser, Look};
use findings::Findings;
use pages::Traces;

/// One lab and one browser for all of it: each takes its time to start.
#[tokio::test]
#[ignore = "needs Go, Chromium with its driver, and npm; run by .ci/run"]
async fn pages_work_in_a_browser_show_what_the_parts_tell_and_obey_nobody_else() {
    let lab = NativeLab::up(Changes { load: Some("5"), ..Changes::default() }).await.unwrap();
    let mut browser = Browser::start(lab.url("CONSOLE_PORT")).await.unwrap();
    let mut findings = Findings::default();
    // Before anybody looks at a page.
    findings.add("memory", shown::memory::is_little(&lab));
    let traces = traces(&lab).await.unwrap();

    findings.add("checks", flaws::are_found(&lab, &mut browser, &traces).await);
    findings.add("logs", shown::logs::are_lokis(&lab, &browser, &traces.sent).await);
    findings
        .add("headers", shown::headers::are_captured(&lab, &browser, &traces.sent).await.map(drop));
    findings.add("figures", shown::figures::are_prometheus(&lab, &browser).await);
    for (width, scripts) in [(360, true), (360, false), (1_440, true), (1_440, false)] {
        let look = Look { width, scripts, dark: false };
        findings.add(look, browser.set(look).await);
        findings.add(format!("the doctor {look}"), controls::examine(&browser).await);
        pages::work(&browser, &pages::pages(&traces), &mut findings).await;
        findings.add(format!("the doctor {look}"), controls::examination_ends(&browser).await);
        pages::work(&browser, &pages::with_switches(), &mut findings).await;
        controls::work(&lab, &browser, &traces, &mut findings).await;
    }
    // Of a dark page only the colours are others.
    let look = Look { width: 1_440, scripts: true, dark: true };
    findings.add(look, browser.set(look).await);
    pages::work(&browser, &pages::pages(&traces), &mut findings).await;
    pages::work(&browser, &pages::with_switches(), &mut findings).await;
    hostile::is_text(&mut browser, &mut findings).await;
    findings.add("others", foreign::has_no_say(&lab, &mut browser).await);
    browser.quit().await.unwrap();
    findings.are_none();
}

/// Those that pages are of.
async fn traces(lab: &NativeLab) -> anyhow::Result<Traces> {
    const LARGE: u128 = 1 << 100;
    let sent = async |path: &str| {
        let answer = http().get(format!("{}{path}", lab.url("APP_A_PORT"))).send().await?;
        let answer: Value = answer.json().await?;
        anyhow::Ok(answer["trace_id"].as_str().context("finding a trace's id")?.to_owned())
    };
    let [sent, failed] = [sent("/chain").await?, sent("/error_test").await?];
    let [large, hostile] = [LARGE, hostile::FIRST].map(telemetry::id);
    telemetry::write(lab, telemetry::large(LARGE, 600)).await?;
    hostile::send(lab).await?;
    for id in [&sent, &failed] {
        let jaeger = lab.jaeger();
        eventually("the spans are there", async || {
            Ok((!jaeger.trace(id).await?.is_empty()).then_some(()))
        })
        .await?;
    }
    Ok(Traces { sent, failed, large, hostile })
}
