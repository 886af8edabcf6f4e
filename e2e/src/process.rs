use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;
use tokio::time::{Instant, sleep};

/// How long a test waits for any condition before it gives up: a busy machine included.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A program that a test started. It is killed when dropped; if the test fails, what it wrote is
/// printed.
pub struct Process {
    name: &'static str,
    child: Child,
    log: NamedTempFile,
}

impl Process {
    /// Starts `command` and waits until `ready`, a URL, answers with success.
    ///
    /// # Errors
    /// When the program does not start, ends, or is not ready in time.
    pub async fn start(
        name: &'static str,
        command: &mut Command,
        ready: &str,
    ) -> anyhow::Result<Self> {
        let log = NamedTempFile::new().context("creating a log file")?;
        let output = log.reopen().context("opening a log file")?;
        let errors = output.try_clone().context("opening a log file")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        let mut process = Self { name, child, log };
        let condition = format!("{name} answers at {ready}");
        let answered = eventually(&condition, async || {
            if let Some(status) = process.child.try_wait()? {
                bail!("{name} ended: {status}");
            }
            let answer = http().get(ready).send().await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        });
        match answered.await {
            Ok(()) => Ok(process),
            Err(error) => Err(error.context(process.output())),
        }
    }

    /// Asks the program to end (SIGTERM), and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not with success.
    pub async fn end(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("sending SIGTERM")?;
        let condition = format!("{} ends", self.name);
        let ended = eventually(&condition, async || Ok(self.child.try_wait()?)).await;
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => bail!("{} ended: {status}\n{}", self.name, self.output()),
            Err(error) => Err(error.context(self.output())),
        }
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that the program has written so far, to either stream.
    #[must_use]
    pub fn output(&self) -> String {
        let bytes = std::fs::read(self.log.path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither fails but for a child that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what {} wrote:\n{}", self.name, self.output());
        }
    }
}

/// Polls until `attempt` gives a value.
///
/// # Errors
/// The attempt's own error at once, or that of the deadline, which names `condition`.
pub async fn eventually<T>(
    condition: &str,
    mut attempt: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        if let Some(value) = attempt().await? {
            return Ok(value);
        }
        sleep(POLL_INTERVAL).await;
    }
    bail!("not within {DEADLINE:?}: {condition}")
}

/// An HTTP client that talks to loopback even where a proxy is configured.
#[must_use]
pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("the settings above are valid")
}
