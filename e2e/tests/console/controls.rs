//! Every control does what it says, however the page is looked at.

mod doctor;
mod faults;
mod incidents;
mod links;
mod load;
mod search;
mod send;
mod trace;

pub use doctor::{examination_ends, examine};

use e2e::NativeLab;

use crate::browser::Browser;
use crate::findings::Findings;
use crate::pages::Traces;

pub async fn work(lab: &NativeLab, browser: &Browser, traces: &Traces, findings: &mut Findings) {
    let mut add = async |what: &str, outcome: anyhow::Result<()>| {
        findings.add(format!("{what} {}", browser.look), outcome);
        let heard = browser.heard().await;
        let is_quiet = heard.and_then(|heard| heard.is_quiet(&browser.console));
        findings.add(format!("{what} {}", browser.look), is_quiet);
    };
    add("links", links::lead(lab, browser).await).await;
    add("sending", send::sends(lab, browser).await).await;
    add("sending with context", send::sends_context(lab, browser).await).await;
    add("a trace's page", trace::works(lab, browser, traces).await).await;
    add("search", search::finds(lab, browser).await).await;
    add("faults", faults::switch(lab, browser).await).await;
    add("load", load::changes(lab, browser).await).await;
    add("incidents", incidents::run(lab, browser).await).await;
}
