//! The demo service as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

const KIBIBYTES_OF_A_MIB: f64 = 1024.0;

/// Longer than it takes to flush.
const END: Duration = Duration::from_secs(20);

/// Builds the program by the cargo that runs this one, and tells where it is.
pub fn program() -> Result<PathBuf> {
    if let Some(cargo) = std::env::var_os("CARGO") {
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--release", "--locked", "-p", "demo"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .context("building the service")?;
        ensure!(status.success(), "building the service ended with {status}");
    }
    let own = std::env::current_exe().context("looking for this program")?;
    let target = own.ancestors().nth(2).context("looking for the build's directory")?;
    let program = target.join("release/demo");
    ensure!(program.exists(), "{} is not there: build it with cargo", program.display());
    Ok(program)
}

/// A service, which ends with this.
pub struct Service {
    pub address: SocketAddr,
    child: Child,
}

impl Service {
    /// Starts the program with these variables alone, and waits until it says where it listens.
    pub fn start(program: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let mut child = Command::new(program)
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let output = child.stdout.take().context("its output is a pipe")?;
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, address) = line.split_once("address=")?;
            address.split(' ').next()?.parse().ok()
        });
        // What it writes later is read, so that it can go on.
        thread::spawn(move || lines.for_each(drop));
        let address = address.context("the service ended before it was ready");
        let mut service = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child };
        service.address = address?;
        Ok(service)
    }

    /// GETs a path, and tells how long that took.
    pub async fn get(&self, client: &reqwest::Client, path: &str) -> Result<Duration> {
        let began = Instant::now();
        let answer = client.get(format!("http://{}{path}", self.address)).send().await?;
        ensure!(answer.status().is_success(), "{path} answers {}", answer.status());
        answer.bytes().await?;
        Ok(began.elapsed())
    }

    /// Its resident memory, MiB: at present.
    pub fn resident(&self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// At most so far.
    pub fn peak(&self) -> Result<f64> {
        self.status("VmHWM:")
    }

    /// Of proc_pid_status(5).
    fn status(&self, field: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let value = status.lines().find_map(|line| line.strip_prefix(field));
        let value = value.and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
        Ok(value.with_context(|| format!("reading {field} of {path}"))? / KIBIBYTES_OF_A_MIB)
    }

    /// Asks it to end, and waits until it has. Returns how long that took.
    pub fn end(mut self) -> Result<Duration> {
        let began = Instant::now();
        let id = Pid::from_raw(self.child.id().cast_signed()).context("a child has an id")?;
        kill_process(id, Signal::TERM).context("asking the service to end")?;
        while self.child.try_wait().context("waiting for the service")?.is_none() {
            ensure!(began.elapsed() < END, "the service has not ended after {END:?}");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(began.elapsed())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
