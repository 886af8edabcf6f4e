//! The processes of a running lab.
//!
//! Each is the leader of a process group of its own, so that Ctrl-C in a terminal reaches the lab
//! alone, which then ends them in order. Each has a pipe from the lab as standard input, and ends
//! when that closes.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context;
use futures::future::{join_all, select_all, try_join_all};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{ChildStdin, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::lines;
use crate::logs::Logs;
use crate::part;
use crate::parts::Part;

/// How long a part may take until it is ready: a cold disk and a busy machine included.
const READY_DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long what a dead part wrote may take to arrive. Whatever it started may hold the pipe open.
const OUTPUT_DEADLINE: Duration = Duration::from_secs(1);
/// How many lines of a dead part are told.
const LAST_LINES: usize = 10;

/// The running parts, in the order of their start. None outlives this value.
pub struct Children {
    running: Vec<Child>,
    logs: Logs,
    http: reqwest::Client,
    /// What tells whoever asks the lines of the parts.
    _lines: JoinSet<std::io::Result<()>>,
}

impl Children {
    /// No part yet; the lines of those to come go to `logs`, and are served on this address.
    ///
    /// # Errors
    /// When it cannot be listened on.
    pub async fn new(logs: Logs, lines: SocketAddr, http: reqwest::Client) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(lines).await;
        let listener = listener.with_context(|| format!("serving lines on {lines}"))?;
        let mut serving = JoinSet::new();
        serving.spawn(lines::serve(listener, logs.clone()));
        Ok(Self { running: Vec::new(), logs, http, _lines: serving })
    }

    /// Starts parts, all at once, and waits until each is ready.
    ///
    /// # Errors
    /// When one cannot be started, is not ready in time, or any part ends meanwhile.
    pub async fn start(&mut self, parts: Vec<Part>) -> anyhow::Result<()> {
        let mut waits = Vec::new();
        for part in parts {
            let Part { name, command, folder, ready, .. } = part;
            self.running.push(Child::spawn(name, command, folder, &self.logs)?);
            waits
                .extend(ready.map(|url| answered(self.http.clone(), self.logs.clone(), name, url)));
        }
        tokio::select! {
            error = self.first_end() => Err(error),
            outcome = try_join_all(waits) => outcome.map(drop),
        }
    }

    /// Waits until any part ends, and tells which, how, and its last lines.
    ///
    /// # Panics
    /// When there is no part.
    pub async fn first_end(&mut self) -> anyhow::Error {
        let ends = self
            .running
            .iter_mut()
            .map(|child| Box::pin(async { (child.name, child.ended().await) }));
        let ((name, status), ..) = select_all(ends).await;
        let mut message = match status {
            Ok(status) => format!("{name} ended: {status}"),
            Err(error) => format!("waiting for {name}: {error}"),
        };
        for line in self.logs.last(name, LAST_LINES) {
            message.push_str(&format!("\n  {name} | {line}"));
        }
        anyhow::Error::msg(message)
    }

    /// Ends all parts but the first `kept`, at the same time.
    pub async fn stop(&mut self, kept: usize) {
        let ending = self.running.split_off(kept.min(self.running.len()));
        join_all(ending.into_iter().map(Child::stop)).await;
    }
}

/// Waits until `url` of the part `name` answers with success, and says how long that took.
async fn answered(
    http: reqwest::Client,
    logs: Logs,
    name: &'static str,
    url: String,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let success = timeout(READY_DEADLINE, async {
        while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            sleep(POLL_INTERVAL).await;
        }
    });
    success.await.with_context(|| {
        format!("waiting for {name}: {url} told no success in {READY_DEADLINE:?}")
    })?;
    logs.say(name, &format!("ready after {:.1} s", began.elapsed().as_secs_f64()));
    Ok(())
}

struct Child {
    name: &'static str,
    process: tokio::process::Child,
    group: Option<Pid>,
    input: Option<ChildStdin>,
    readers: JoinSet<()>,
    /// Dropped, and so removed, after the process was killed.
    _folder: Option<TempDir>,
}

impl Child {
    fn spawn(
        name: &'static str,
        mut command: Command,
        folder: Option<TempDir>,
        logs: &Logs,
    ) -> anyhow::Result<Self> {
        let mut process = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let mut readers = JoinSet::new();
        if let (Some(output), Some(errors)) = (process.stdout.take(), process.stderr.take()) {
            readers.spawn(read(name, output, logs.clone()));
            readers.spawn(read(name, errors, logs.clone()));
        }
        let group = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let input = process.stdin.take();
        Ok(Self { name, process, group, input, readers, _folder: folder })
    }

    /// Waits for the end, and for what was written before. May be dropped and called again.
    async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.process.wait().await?;
        let all_read = async { while self.readers.join_next().await.is_some() {} };
        let _ = timeout(OUTPUT_DEADLINE, all_read).await;
        Ok(status)
    }

    async fn stop(mut self) {
        drop(self.input.take());
        // One that takes longer is killed when dropped.
        let _ = timeout(part::END_DEADLINE, self.ended()).await;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Also after its end: a killed guard leaves its program in the group. A group that is empty
        // cannot be signalled, which is as well.
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn read(part: &'static str, stream: impl AsyncRead + Unpin, logs: Logs) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        logs.push(part, String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}
