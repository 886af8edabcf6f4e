//! The console's API of incidents.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// An answer is marked by reading many traces, and an end waits for services that are away.
const DEADLINE: Duration = Duration::from_secs(90);

/// The header of a change, with what each page of the console has in its forms.
const TOKEN: &str = "x-console-token";

pub struct Api {
    console: String,
    http: Client,
}

impl Api {
    /// Of the console at this URL.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(console: String) -> anyhow::Result<Self> {
        // A proxy that is configured cannot reach loopback.
        let http = Client::builder().no_proxy().timeout(DEADLINE).build();
        Ok(Self { console, http: http.context("making an HTTP client")? })
    }

    /// # Errors
    /// When the console does not answer, or refuses.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let url = format!("{}/api/token", self.console);
        let token = self.send(&url, self.http.get(&url)).await?["token"].clone();
        let url = self.url(path);
        let request = self.http.post(&url).json(&body);
        self.send(&url, request.header(TOKEN, token.as_str().unwrap_or_default())).await
    }

    /// # Errors
    /// When the console does not answer, or refuses.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = self.url(path);
        self.send(&url, self.http.get(&url)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/incident{path}", self.console)
    }

    async fn send(&self, url: &str, request: RequestBuilder) -> anyhow::Result<Value> {
        let asking = || format!("asking the console: {url}");
        let answer = request.send().await.with_context(asking)?;
        let status = answer.status();
        let text = answer.text().await.with_context(asking)?;
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        match told["error"].as_str() {
            _ if status.is_success() => Ok(told),
            Some(reason) => bail!("{reason}"),
            None => bail!("{}: answered {}: {}", asking(), status.as_u16(), text.trim()),
        }
    }
}
