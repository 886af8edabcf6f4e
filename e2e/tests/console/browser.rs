//! A headless Chromium, driven through its driver.

use std::fmt;
use std::process::Command;

use anyhow::Context;
use e2e::{Process, eventually, free_address, http};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel};

use crate::usable::axe;

const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-first-run",
    // Its sandbox needs another user than root, and whoever runs tests may be that one.
    "--no-sandbox",
    // In a container it is too small.
    "--disable-dev-shm-usage",
    // Small screens lay theirs over the page, others take some of its width.
    "--hide-scrollbars",
    "--disable-background-networking",
    "--no-proxy-server",
    // The browser ends with its driver, however that ends.
    "--remote-debugging-pipe",
    // Names that others may give this machine.
    "--host-resolver-rules=MAP *.example 127.0.0.1",
];
const HEIGHT: u32 = 900;

/// How pages are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Of the window, in pixels of CSS.
    pub width: u32,
    pub dark: bool,
    pub scripts: bool,
}

impl Look {
    /// For what is the same however it is looked at.
    pub const ANY: Self = Self { width: 1_440, dark: false, scripts: true };
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colours = if self.dark { "dark" } else { "light" };
        let scripts = if self.scripts { "with" } else { "without" };
        write!(f, "at {} px, {colours}, {scripts} JavaScript", self.width)
    }
}

pub struct Browser {
    pub driver: WebDriver,
    /// Of the console, without a slash at the end.
    pub console: String,
    pub look: Look,
    pub axe: String,
    _process: Process,
    _profile: TempDir,
}

impl Browser {
    pub async fn start(console: String) -> anyhow::Result<Self> {
        let axe = axe()?;
        let address = free_address();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={}", address.port()));
        let ready = format!("http://{address}/status");
        let process = Process::start("chromedriver", &mut command, &ready).await?;
        let profile = TempDir::new().context("making a folder for the browser")?;
        let mut wanted = DesiredCapabilities::chrome();
        wanted.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        for argument in ARGUMENTS {
            wanted.add_arg(argument)?;
        }
        for log in ["browser", "performance"] {
            wanted.set_logging_prefs(log, LoggingPrefsLogLevel::All)?;
        }
        let driver = WebDriver::builder(format!("http://{address}"), wanted).client(http());
        let driver = driver.connect().await.context("starting the browser")?;
        let mut browser =
            Self { driver, console, look: Look::ANY, axe, _process: process, _profile: profile };
        browser.set(Look::ANY).await?;
        // What it shows first asks for much.
        browser.open_url("about:blank").await?;
        browser.heard().await?;
        Ok(browser)
    }

    /// Looks at what is loaded from now on in this way.
    pub async fn set(&mut self, look: Look) -> anyhow::Result<()> {
        self.look = look;
        let size = json!({ "width": look.width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await?;
        let colours = if look.dark { "dark" } else { "light" };
        // What moves is not where it is when it is looked at.
        let features = json!([
            { "name": "prefers-color-scheme", "value": colours },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.tell("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        self.allow_scripts(look.scripts).await
    }

    /// Of a page that was loaded without, the scripts that examine it can run then: its own do not.
    pub async fn allow_scripts(&self, allowed: bool) -> anyhow::Result<()> {
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": !allowed })).await
    }

    async fn tell(&self, command: &str, parameters: Value) -> anyhow::Result<()> {
        let told = self.driver.cdp().send_raw(command, parameters).await;
        told.map(drop).with_context(|| format!("telling the browser {command}"))
    }

    /// Loads a page of the console.
    pub async fn open(&self, path: &str) -> anyhow::Result<()> {
        self.open_url(&format!("{}{path}", self.console)).await
    }

    pub async fn open_url(&self, url: &str) -> anyhow::Result<()> {
        self.driver.goto(url).await.with_context(|| format!("loading {url}"))
    }

    /// What the function body `script` returns to these `arguments`.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        script: &str,
        arguments: Vec<Value>,
    ) -> anyhow::Result<T> {
        let told = self.driver.execute(script, arguments).await.context("running a script")?;
        told.convert().context("reading what a script returned")
    }

    /// The same of one whose last argument is to be called with it.
    pub async fn ask_later<T: DeserializeOwned>(&self, script: &str) -> anyhow::Result<T> {
        let told =
            self.driver.execute_async(script, Vec::new()).await.context("running a script")?;
        told.convert().context("reading what a script returned")
    }

    /// What the page says, as it is seen.
    pub async fn text(&self) -> anyhow::Result<String> {
        self.ask("return document.querySelector('main')?.innerText ?? ''", Vec::new()).await
    }

    /// Where it is: the path, the query and the fragment.
    pub async fn path(&self) -> anyhow::Result<String> {
        self.ask("return location.pathname + location.search + location.hash", Vec::new()).await
    }

    /// Waits until a trace is there, and looks no more for spans that are on their way.
    pub async fn is_settled(&self) -> anyhow::Result<String> {
        self.is_at("/trace/").await?;
        eventually("the trace is there", async || {
            let is_there = self.has("ol.rows > li").await.unwrap_or_default();
            Ok((is_there && !self.has(".waits").await.unwrap_or(true)).then_some(()))
        })
        .await?;
        let path = self.path().await?;
        let id = path.trim_start_matches("/trace/").chars().take(32);
        Ok(id.collect())
    }

    /// Whether something is as the selector says.
    pub async fn has(&self, selector: &str) -> anyhow::Result<bool> {
        self.ask("return document.querySelector(arguments[0]) !== null", vec![selector.into()])
            .await
    }

    /// The texts of all that is as the selector says.
    pub async fn all(&self, selector: &str) -> anyhow::Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(it => it.innerText)";
        self.ask(script, vec![selector.into()]).await
    }

    /// Waits until the page says so, which it may do once another is loaded.
    pub async fn says(&self, expected: &str) -> anyhow::Result<()> {
        let condition = format!("the page says {expected:?}");
        let said = eventually(&condition, async || {
            Ok(self.text().await.is_ok_and(|text| text.contains(expected)).then_some(()))
        });
        match said.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(format!("it says {:?}", self.text().await?))),
        }
    }

    /// Waits until it is there, and the page with it.
    pub async fn is_at(&self, path: &str) -> anyhow::Result<()> {
        let condition = format!("the page is {path}");
        let arrived = eventually(&condition, async || {
            let script = "return document.readyState === 'complete' && \
                          location.pathname.startsWith(arguments[0])";
            let there = self.ask::<bool>(script, vec![path.into()]).await;
            Ok(there.unwrap_or_default().then_some(()))
        });
        match arrived.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(format!("it is {}", self.path().await?))),
        }
    }

    pub async fn quit(self) -> anyhow::Result<()> {
        self.driver.quit().await.context("ending the browser")
    }
}
