//! What the README has a newcomer do first.

use anyhow::{Context, ensure};

use crate::files::repository;
use crate::{NativeLab, http};

const CONSOLE: &str = "http://localhost:8010/";

/// Opens the form that the README links to, sends it as it is filled in, and tells the address of the
/// page that comes.
///
/// # Errors
/// When there is no such link, or the console does not do as the README says.
pub async fn first_request(lab: &NativeLab) -> anyhow::Result<reqwest::Url> {
    let readme = std::fs::read_to_string(repository().join("README.md")).context("reading it")?;
    let link = readme.split(['<', '(']).find(|text| text.starts_with(&format!("{CONSOLE}?")));
    let link = link.and_then(|text| text.split(['>', ')']).next()).context("finding the link")?;
    let console = format!("{}/", lab.url("CONSOLE_PORT"));
    let url = reqwest::Url::parse(&link.replacen(CONSOLE, &console, 1))?;
    let form = http().get(url.clone()).send().await?.error_for_status()?.text().await?;
    for (name, value) in url.query_pairs() {
        // As a line, as text of several, or chosen.
        let shown = [
            format!("name=\"{name}\" value=\"{value}\""),
            format!(">\n{value}</textarea>"),
            format!("value=\"{value}\" selected"),
        ];
        ensure!(shown.iter().any(|text| form.contains(text)), "{name} is not in {form}");
    }
    let token = form.split("name=\"token\" value=\"").nth(1).and_then(|it| it.split('"').next());
    let mut sent = url.clone();
    // Of the services, the first one is chosen.
    let others = [("token", token.context("finding the token")?), ("service", "app-a")];
    sent.query_pairs_mut().extend_pairs(others);
    let body = sent.query().unwrap_or_default().to_owned();
    let sending = http().post(format!("{console}send")).body(body);
    let sending = sending.header("content-type", "application/x-www-form-urlencoded");
    // It may be there before any span is.
    let answer = sending.send().await?;
    ensure!(answer.url().path().starts_with("/trace/"), "it leads to {}", answer.url());
    Ok(answer.url().clone())
}
