use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How to start a process, as often as needed.
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub environment: Vec<(&'static str, OsString)>,
}

impl Launch {
    /// With the program as the last argument of another command, before its own.
    pub fn under(self, wrapper: Option<&[String]>) -> Self {
        let Some((program, before)) = wrapper.and_then(<[String]>::split_first) else {
            return self;
        };
        let mut arguments: Vec<_> = before.iter().map(OsString::from).collect();
        arguments.push(self.program.into());
        arguments.extend(self.arguments);
        Self { program: program.into(), arguments, environment: self.environment }
    }
}

/// One process of a server, ended when dropped.
pub struct Part {
    launch: Launch,
    log: PathBuf,
    child: Child,
}

impl Part {
    /// Starts it; what it writes goes to a file in `directory`.
    pub fn start(launch: Launch, directory: &Path) -> Result<Self> {
        let name = launch.program.file_name().unwrap_or_default().to_string_lossy();
        let log = directory.join(format!("{name}.log"));
        let child = spawn(&launch, &log)?;
        Ok(Self { launch, log, child })
    }

    pub fn start_again(&mut self) -> Result<()> {
        self.child = spawn(&self.launch, &self.log)?;
        Ok(())
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}: {}", self.launch.program.display(), self.output());
        }
        Ok(())
    }

    pub fn kill(&mut self) {
        // It is gone already, or ends now; either is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub async fn stop(&mut self) -> Result<()> {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::TERM).context("asking a process to end")?;
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "{} does not end", self.launch.program.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    pub fn output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let last = bytes.len().saturating_sub(2_000);
        String::from_utf8_lossy(&bytes[last..]).into_owned()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(launch: &Launch, log: &Path) -> Result<Child> {
    let log = File::options().create(true).append(true).open(log).context("opening a log file")?;
    Command::new(&launch.program)
        .args(&launch.arguments)
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("opening a log file")?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("starting {}", launch.program.display()))
}
