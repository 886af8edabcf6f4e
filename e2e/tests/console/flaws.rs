//! Each check finds the flaw that it is there for.

use anyhow::{Context, ensure};
use axum::Router;
use axum::response::Html;
use e2e::NativeLab;
use tokio::net::TcpListener;

use crate::browser::{Browser, Look};
use crate::pages::Traces;
use crate::shown::{headers, waterfall};

/// What each page has, and what is to be said of it.
const FLAWS: [(&str, &str); 10] = [
    ("<div style='width: 2000px'>wide</div>", "no place: [\"the page is"),
    ("<p style='width: 3em; overflow: hidden; white-space: nowrap'>cut off at its end", "cut off"),
    ("<img src=data:, alt=''><input>", "critical: label"),
    ("<p style='color: #aaa'>hard to read", "serious: color-contrast"),
    ("<button style='outline: none'>unseen</button>", "which is not seen"),
    ("<button>second</button><button tabindex=1>first</button>", "the focus is to come to"),
    ("<div hidden><button id=x></button></div><script>console.warn('oh')</script>", "oh"),
    ("<script>nothing.there</script>", "nothing is not defined"),
    ("<img src=//elsewhere.example/x alt=''>", "somebody else was asked"),
    ("<script>fetch('//elsewhere.example/x').catch(() => {})</script>", "somebody else was asked"),
];

pub async fn are_found(
    lab: &NativeLab,
    browser: &mut Browser,
    traces: &Traces,
) -> anyhow::Result<()> {
    browser.set(Look { width: 360, ..Look::ANY }).await?;
    for (flaw, expected) in FLAWS {
        let page = format!(
            "<!doctype html><html lang=en><title>flawed</title><link rel=icon href=data:,><main><h1>flawed</h1>{flaw}"
        );
        let url = serve(page).await?;
        browser.open_url(&url).await?;
        let mut said = Vec::new();
        for check in [
            browser.heard().await?.is_quiet(&url),
            browser.has_place().await,
            browser.passes_axe().await,
            browser.is_operable_by_keys().await,
        ] {
            said.extend(check.err().map(|error| format!("{error:#}")));
        }
        ensure!(said.iter().any(|said| said.contains(expected)), "of {flaw} is said {said:?}");
    }
    browser.open(&format!("/trace/{}", traces.failed)).await?;
    let of_another = waterfall::is_jaegers(lab, browser, &traces.sent).await;
    ensure!(of_another.is_err(), "one trace is shown as another");
    browser.open(&format!("/trace/{}", traces.sent)).await?;
    let script = "document.querySelector('ol.hops tbody tr td').textContent = 'another'";
    browser.ask::<()>(script, Vec::new()).await?;
    let changed = headers::are_captured(lab, browser, &traces.sent).await;
    ensure!(changed.is_err(), "a header is shown that nobody has captured");
    browser.heard().await.map(drop)
}

async fn serve(page: String) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("serving a page")?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new().fallback(async || Html(page));
    tokio::spawn(async { axum::serve(listener, router).await });
    Ok(url)
}
