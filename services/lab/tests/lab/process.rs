//! A `lab` process under test, and the processes below it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sysinfo::{ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

use super::ports::free_addresses;

/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_secs(60);

pub const PORTS: [&str; 28] = [
    "APP_A_PORT",
    "APP_B_PORT",
    "APP_C_PORT",
    "APP_D_PORT",
    "APP_A_ADMIN_PORT",
    "APP_B_ADMIN_PORT",
    "APP_C_ADMIN_PORT",
    "APP_D_ADMIN_PORT",
    "LOAD_PORT",
    "STORAGE_PORT",
    "STORAGE_ADMIN_PORT",
    "JAEGER_UI_PORT",
    "JAEGER_QUERY_GRPC_PORT",
    "JAEGER_HEALTH_PORT",
    "JAEGER_METRICS_PORT",
    "JAEGER_OTLP_GRPC_PORT",
    "JAEGER_OTLP_HTTP_PORT",
    "OTLP_GRPC_PORT",
    "OTLP_HTTP_PORT",
    "COLLECTOR_HEALTH_PORT",
    "COLLECTOR_METRICS_PORT",
    "SPAN_METRICS_PORT",
    "PROMETHEUS_PORT",
    "LOKI_PORT",
    "LOKI_GRPC_PORT",
    "GRAFANA_PORT",
    "CONSOLE_PORT",
    "LINES_PORT",
];

/// A running `lab`, killed when dropped.
pub struct Lab {
    ports: Vec<(&'static str, String)>,
    child: Child,
    output: Output,
    errors: Output,
}

/// What a stream gave so far, and who reads it.
struct Output {
    text: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

/// A `lab` that ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
}

impl Lab {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, |_| {})
    }

    /// Starts it on free ports, which `change` may change.
    pub fn start_with(arguments: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        let free = free_addresses::<{ PORTS.len() }>().map(|address| address.port().to_string());
        let ports: Vec<_> = PORTS.into_iter().zip(free).collect();
        command.args(arguments).envs(ports.iter().cloned());
        for variable in ["RUST_LOG", "LOAD_RATE", "LOAD_LISTEN", "CONSOLE_LISTEN"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let output = Output::new(child.stdout.take());
        let errors = Output::new(child.stderr.take());
        Self { ports, child, output, errors }
    }

    /// The whole lab, ready, with what its parts log.
    pub fn up() -> Self {
        Self::up_with(|_| {})
    }

    /// The same, with its folders in this one.
    pub fn up_in(folder: &Path) -> Self {
        Self::up_with(|c| {
            c.env("TMPDIR", folder);
        })
    }

    pub fn up_with(change: impl FnOnce(&mut Command)) -> Self {
        let lab = Self::start_with(&["up", "--logs"], change);
        lab.wait_for("Ctrl-C");
        lab
    }

    /// The variables of its ports, unless they were changed.
    pub fn ports(&self) -> &[(&'static str, String)] {
        &self.ports
    }

    /// The URL of what listens on the port that this variable names.
    pub fn url(&self, variable: &str) -> String {
        let (_, port) = self.ports.iter().find(|(name, _)| *name == variable).unwrap();
        format!("http://127.0.0.1:{port}")
    }

    /// Waits until standard output holds `text`.
    pub fn wait_for(&self, text: &str) {
        eventually(
            || self.output().contains(text).then_some(()),
            || format!("no {text:?} in\n{}\n{}", self.output(), self.errors.text()),
        );
    }

    pub fn output(&self) -> String {
        self.output.text()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Closes standard input, which only a part heeds, and waits for the end.
    pub fn end(mut self) -> Ended {
        drop(self.child.stdin.take());
        self.end_by_itself()
    }

    pub fn end_by_itself(mut self) -> Ended {
        let status = eventually(|| self.child.try_wait().unwrap(), || "lab runs on".to_owned());
        // Whoever holds the streams open was left behind.
        eventually(|| self.is_read().then_some(()), || "the output is held open".to_owned());
        Ended { status, output: self.output.text(), errors: self.errors.text() }
    }

    fn is_read(&self) -> bool {
        self.output.reader.is_finished() && self.errors.reader.is_finished()
    }

    /// Every process below it.
    pub fn descendants(&self) -> Vec<Process> {
        let all = processes();
        let mut found = vec![self.child.id()];
        let mut index = 0;
        while index < found.len() {
            let parent = found[index];
            found.extend(all.iter().filter(|process| process.parent == parent).map(|p| p.id));
            index += 1;
        }
        found.remove(0);
        all.into_iter().filter(|process| found.contains(&process.id)).collect()
    }

    pub fn descendants_when(&self, condition: impl Fn(&[Process]) -> bool) -> Vec<Process> {
        let attempt = || Some(self.descendants()).filter(|found| condition(found));
        eventually(attempt, || "no such processes".to_owned())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    /// Empty for a stream that the test has to itself.
    fn new(stream: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = text.clone();
        let reader = thread::spawn(move || {
            for line in stream.into_iter().flat_map(|stream| BufReader::new(stream).lines()) {
                let line = line.unwrap();
                shared.lock().unwrap().extend([line.as_str(), "\n"]);
            }
        });
        Self { text, reader }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

/// A process of this machine.
#[derive(Debug)]
pub struct Process {
    pub id: u32,
    pub parent: u32,
    pub command: String,
}

impl Process {
    pub fn has_argument(&self, argument: &str) -> bool {
        self.command.split_whitespace().any(|word| word == argument)
    }

    pub fn kill(&self) {
        let id = Pid::from_raw(self.id.cast_signed()).unwrap();
        kill_process(id, Signal::KILL).unwrap();
    }
}

/// All processes but the dead that nobody has waited for yet.
pub fn processes() -> Vec<Process> {
    let mut system = System::new().unwrap();
    let what = ProcessRefreshKind::nothing().without_tasks().with_cmd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let running = system.processes().values();
    running
        .filter(|process| process.status() != ProcessStatus::Zombie)
        .map(|process| Process {
            id: process.pid().as_u32(),
            parent: process.parent().map_or(0, sysinfo::Pid::as_u32),
            command: process.cmd().join(" ".as_ref()).to_string_lossy().into_owned(),
        })
        .collect()
}

/// Waits until none of these runs any more.
pub fn gone(of_interest: &[Process]) {
    let left = || {
        let mut all = processes();
        all.retain(|process| of_interest.iter().any(|gone| gone.id == process.id));
        all
    };
    eventually(|| left().is_empty().then_some(()), || format!("left behind: {:?}", left()));
}

/// How many entries a folder has.
pub fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Waits until none of these runs any more, and nothing is in the folder.
pub fn left_nothing(processes: &[Process], folder: &Path) {
    gone(processes);
    eventually(|| (entries(folder) == 0).then_some(()), || "a folder is left".to_owned());
}

/// What an URL answers, as JSON.
pub fn get(url: &str) -> serde_json::Value {
    get_with(url, &[])
}

/// What an URL answers a request with these headers, as JSON.
pub fn get_with(url: &str, headers: &[(&'static str, &str)]) -> serde_json::Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        let request =
            headers.iter().fold(http.get(url), |it, (name, value)| it.header(*name, *value));
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    })
}

/// The status with which a URL answers who brings this token.
pub fn status(url: &str, token: &str) -> u16 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        http.get(url).bearer_auth(token).send().await.unwrap().status().as_u16()
    })
}

pub fn eventually<T>(mut attempt: impl FnMut() -> Option<T>, problem: impl Fn() -> String) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(Instant::now() < deadline, "{}", problem());
        sleep(Duration::from_millis(20));
    }
}
