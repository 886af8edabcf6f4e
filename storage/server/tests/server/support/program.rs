use std::net::SocketAddr;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::{DEADLINE, eventually};

/// The unit of a process's times in `/proc` (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

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
    pub archive: Option<SocketAddr>,
    pub pid: u32,
    /// Where it says that it keeps spans.
    pub store: String,
    child: Child,
    log: Option<Lines<BufReader<ChildStdout>>>,
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
        let archive = event["archive"].is_string().then(|| address("archive"));
        let (pid, store) = (child.id().unwrap(), event["store"].as_str().unwrap().to_owned());
        Self { grpc, admin, archive, pid, store, child, log: Some(log), _folder: folder }
    }

    /// Reads the log from now on, and forgets it: a program whose log nobody reads has to wait, once
    /// the pipe is full.
    pub fn ignore_log(&mut self) {
        let mut log = self.log.take().unwrap();
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    }

    /// Waits for a line of the log with this text.
    pub async fn logs(&mut self, text: &str) -> String {
        loop {
            let log = self.log.as_mut().unwrap();
            let line = timeout(DEADLINE, log.next_line()).await.unwrap().unwrap().unwrap();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until it does nothing. Gives the processor's time that it has taken.
    pub async fn idle(&self) -> Duration {
        eventually("it does nothing", || async {
            let before = self.processor_time();
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = self.processor_time();
            // One tick may be of anything.
            (now - before <= TICK).then_some(now)
        })
        .await
    }

    fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap();
        // The fields behind the name, which may have spaces: the third is the state.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        TICK * (fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap())
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
