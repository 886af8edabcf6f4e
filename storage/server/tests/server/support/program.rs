use std::net::SocketAddr;
use std::process::{ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::DEADLINE;

/// The program's command, free of this process's environment.
pub fn spoor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoor"));
    command.env_clear().kill_on_drop(true);
    command
}

/// Runs `spoor serve`, which must fail, and gives its exit code and its error's only line.
pub async fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = spoor();
    command.arg("serve").args(arguments).envs(environment.iter().copied());
    refusal(command).await
}

/// The same of a command that serves.
pub async fn refusal(mut command: Command) -> (i32, String) {
    let ended = timeout(DEADLINE, command.output()).await.expect("it refuses to serve");
    let Output { status, stdout, stderr } = ended.unwrap();
    assert_eq!(stdout, b"", "nothing is served");
    let stderr = String::from_utf8(stderr).unwrap();
    let mut lines = stderr.lines();
    let line = lines.next().unwrap().to_owned();
    assert_eq!(lines.next(), None, "one line: {stderr}");
    (status.code().unwrap(), line)
}

/// A server in a process of its own, killed when dropped.
pub struct Program {
    pub grpc: SocketAddr,
    pub admin: SocketAddr,
    pub pid: u32,
    /// Where it says that it keeps spans.
    pub store: String,
    child: Child,
    _log: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
}

impl Program {
    pub async fn start(settings: &[&str]) -> Self {
        Self::start_in(&[], settings).await
    }

    /// Starts it with these variables, and no others, in its environment. Its working directory
    /// is an empty one.
    pub async fn start_in(environment: &[(&str, &str)], settings: &[&str]) -> Self {
        Self::start_as(spoor(), environment, settings).await
    }

    /// The same with a limit of open files, as `ulimit` takes it.
    pub async fn start_limited(ulimit: &str, settings: &[&str]) -> Self {
        let mut command = Command::new("/bin/sh");
        let script = format!("ulimit {ulimit} && exec \"$0\" \"$@\"");
        command.env_clear().kill_on_drop(true);
        command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_spoor"));
        Self::start_as(command, &[], settings).await
    }

    async fn start_as(
        mut command: Command,
        environment: &[(&str, &str)],
        settings: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        command.envs(environment.iter().copied()).current_dir(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        command.args(["--set", "log_format=json"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
        let event = loop {
            let line = timeout(DEADLINE, log.next_line()).await.unwrap().unwrap().unwrap();
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            // An engine may have something to tell before.
            if event["grpc"].is_string() {
                break event;
            }
        };
        let address = |key: &str| event[key].as_str().unwrap().parse().unwrap();
        let (grpc, admin) = (address("grpc"), address("admin"));
        let (pid, store) = (child.id().unwrap(), event["store"].as_str().unwrap().to_owned());
        Self { grpc, admin, pid, store, child, _log: log, _folder: folder }
    }

    /// Tells the program to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends the program at once.
    pub async fn kill(self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Stops the program, which must end well.
    pub async fn stop(self) {
        self.terminate();
        assert_eq!(self.ended().await.code(), Some(0));
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid.cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the program's end.
    pub async fn ended(mut self) -> ExitStatus {
        timeout(DEADLINE, self.child.wait()).await.unwrap().unwrap()
    }
}
