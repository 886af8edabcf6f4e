//! Makes the documentation's pictures of the console anew, from a lab that runs.
//!
//! `cargo run --release -p e2e --bin pictures [FOLDER]`, `docs/pictures` unless told. Needs Chromium as
//! `chromium`, and Go, with which the programs of others are built once.
//!
//! A lab that was just started gets the README's first order twice, and nothing else. So the pictures
//! have the same size and the same lines each time; ids and times differ.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use e2e::files::repository;
use e2e::{Changes, NativeLab, eventually, http, readme};
use serde_json::Value;
use tempfile::TempDir;

/// The README's, sent by another than the console, so that the page begins with the waterfall. Its prices
/// are in the cache by then.
const ORDER: &str =
    r#"{"customer":12,"items":[{"sku":901,"quantity":2},{"sku":902,"quantity":1}]}"#;
/// The last thing that an order does, and where its page's lines are from.
const WHOLE: [&str; 2] = ["send orders", "of this trace, from Loki."];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| repository().join("docs/pictures"));
    let lab = NativeLab::up(Changes { load: Some("0"), ..Changes::default() }).await?;
    readme::first_request(&lab).await?;
    let trace = format!("{}/trace/{}", lab.url("CONSOLE_PORT"), order(&lab).await?);
    eventually("the order's trace and lines are there", async || {
        let page = http().get(&trace).send().await?.text().await?;
        Ok(WHOLE.iter().all(|text| page.contains(text)).then_some(()))
    })
    .await?;
    let home = format!("{}/", lab.url("CONSOLE_PORT"));
    for (name, url, size) in [("home", home, "1100,640"), ("trace", trace, "1100,1010")] {
        shoot(&url, &folder.join(name).with_extension("png"), size)?;
    }
    Ok(())
}

/// Sends the order, and tells its trace's id.
async fn order(lab: &NativeLab) -> anyhow::Result<String> {
    let sending = http().post(format!("{}/orders", lab.url("APP_A_PORT"))).body(ORDER);
    let answer: Value = sending.send().await?.json().await.context("reading an order's answer")?;
    let id = answer["trace_id"].as_str().with_context(|| format!("finding the id in {answer}"))?;
    Ok(id.to_owned())
}

/// The upper part of a page, in light colours. `size` is width and height in pixels.
fn shoot(url: &str, file: &Path, size: &str) -> anyhow::Result<()> {
    let profile = TempDir::new().context("making a folder for Chromium's profile")?;
    let mut chromium = Command::new("chromium");
    // The sandbox needs rights that a container does not have; what is shown is our own.
    chromium.args(["--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"]);
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.arg(format!("--window-size={size}"));
    chromium.arg(format!("--screenshot={}", file.display())).arg(url);
    let output = chromium.output().context("starting chromium")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && file.exists(), "showing {url} in chromium: {errors}");
    println!("{}", file.display());
    Ok(())
}
