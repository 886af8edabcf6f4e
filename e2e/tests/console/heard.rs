//! What a browser reports of the pages that it shows.

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::browser::Browser;

/// Since the last time.
#[derive(Debug, Default)]
pub struct Heard {
    /// Of its console.
    pub entries: Vec<String>,
    /// What it asked for, whether that was let through or not.
    requests: Vec<String>,
    /// Of each document.
    pub statuses: Vec<u64>,
}

impl Browser {
    pub async fn heard(&self) -> anyhow::Result<Heard> {
        let mut heard = Heard::default();
        for entry in self.driver.get_log("browser").await.context("reading the console")? {
            heard.entries.push(format!("{}: {}", entry.level, entry.message));
        }
        for entry in self.driver.get_log("performance").await.context("reading the requests")? {
            let entry: Value = serde_json::from_str(&entry.message)?;
            let (event, told) = (&entry["message"]["method"], &entry["message"]["params"]);
            let url = match event.as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => &told["request"]["url"],
                "Network.webSocketCreated" | "Network.webTransportCreated" => &told["url"],
                "Network.responseReceived" if told["type"] == "Document" => {
                    heard.statuses.extend(told["response"]["status"].as_u64());
                    continue;
                }
                _ => continue,
            };
            heard.requests.extend(url.as_str().map(str::to_owned));
        }
        Ok(heard)
    }
}

impl Heard {
    /// Checks that nothing was said but that a page is one of an error if it is one, and that nobody but
    /// the console was asked for anything.
    pub fn is_quiet(&self, console: &str) -> anyhow::Result<()> {
        let own = format!("{console}/");
        let foreign: Vec<_> = self
            .requests
            .iter()
            .filter(|url| !url.starts_with(&own) && *url != "about:blank")
            .collect();
        ensure!(foreign.is_empty(), "somebody else was asked: {foreign:?}");
        let is_due = |entry: &&String| {
            let mut wrong = self.statuses.iter().filter(|status| **status >= 400);
            wrong.any(|status| entry.contains(&format!("responded with a status of {status}")))
        };
        let entries: Vec<_> = self.entries.iter().filter(|entry| !is_due(entry)).collect();
        ensure!(entries.is_empty(), "the browser's console has {entries:?}");
        Ok(())
    }
}
