//! Another rate holds, and what makes no sense changes nothing.

use anyhow::ensure;
use e2e::NativeLab;
use e2e::ask::ask;

use crate::browser::Browser;
use crate::hand::saying;

pub async fn changes(lab: &NativeLab, browser: &Browser) -> anyhow::Result<()> {
    browser.open("/load").await?;
    for (rate, mix) in [("7", "/chain:3,POST app-a/orders:1"), ("5", "")] {
        browser.enter(&[("rate", rate), ("mix", mix)]).await?;
        browser.leave(saying("Change")).await?;
        let set = set(lab).await?;
        ensure!(set == (rate.parse().ok(), mix.to_owned()), "the load is {set:?}");
        browser.has_entered(&[("rate", rate), ("mix", mix)]).await?;
    }
    browser.enter(&[("rate", "3"), ("mix", "nonsense")]).await?;
    browser.leave(saying("Change")).await?;
    browser.says("expected [POST ]").await?;
    browser.has_entered(&[("rate", "3"), ("mix", "nonsense")]).await?;
    ensure!(set(lab).await? == (Some(5.0), String::new()), "half of a change was made");
    Ok(())
}

/// The rate and the mix, as the load tells itself.
pub async fn set(lab: &NativeLab) -> anyhow::Result<(Option<f64>, String)> {
    let told = ask(&lab.url("LOAD_PORT"), &[]).await?;
    Ok((told["rate"].as_f64(), told["mix"].as_str().unwrap_or_default().to_owned()))
}
