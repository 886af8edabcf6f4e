//! The shell in which a lesson's commands are run: one for all of them, so that a variable lives on.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// What a person has once by the page of all lessons. `lab` is this program. What runs in the
/// background ends with the shell, also if that ends because this program was killed.
const PRELUDE: &str = r#"exec 2>&1
set -e
trap 'kill 0' EXIT
lab() { "$LAB_PROGRAM" "$@"; }
"#;
/// How long the shell may take for itself.
const OWN: Duration = Duration::from_secs(10);

/// A bash in a folder of its own, which ends with everything that it started.
pub struct Shell {
    process: Child,
    group: Option<Pid>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Stands after the output of commands, which have never seen it.
    mark: String,
    folder: TempDir,
    steps: usize,
}

/// What became of the commands of one step.
pub struct Ran {
    /// What they wrote.
    pub output: String,
    /// Why not each succeeded. No more can be run then.
    pub problem: Option<String>,
}

impl Shell {
    /// With these variables besides those of this process.
    ///
    /// # Errors
    /// When there is no bash, or no folder can be made.
    pub async fn start(variables: &[(String, String)]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("spoor-lesson-").tempdir();
        let folder = folder.context("making a folder for a lesson")?;
        let mut process = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder.path())
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting bash, which runs the commands of lessons")?;
        let group = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let (Some(mut input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("starting bash: it has no pipes");
        };
        input.write_all(PRELUDE.as_bytes()).await.context("writing to bash")?;
        let mark = format!("{:032x}", rand::random::<u128>());
        Ok(Self { process, group, input, output: BufReader::new(output), mark, folder, steps: 0 })
    }

    /// Runs commands to their end, or to the first that fails, or for this time; each line goes to
    /// `each` as it comes.
    ///
    /// # Errors
    /// When the shell cannot be talked to.
    pub async fn run(
        &mut self,
        commands: &str,
        patience: Duration,
        mut each: impl FnMut(&str),
    ) -> anyhow::Result<Ran> {
        self.steps += 1;
        // From a file, so that a command that reads its input gets none of the commands after it.
        let path = self.folder.path().join(format!(".step-{}.sh", self.steps));
        std::fs::write(&path, format!("{commands}\n"))
            .with_context(|| format!("writing {}", path.display()))?;
        let line = format!(". '{}' </dev/null; printf '\\n%s\\n' {}\n", path.display(), self.mark);
        let mut output = String::new();
        // One that has ended says so by the end of its output.
        let _ = self.input.write_all(line.as_bytes()).await;
        let mut take = |text: &str| {
            each(text);
            output.push_str(text);
            output.push('\n');
        };
        let ended = timeout(patience, self.until_mark(&mut take)).await;
        let problem = match ended.map_err(|_| format!("no end after {patience:?}")) {
            Ok(reached) => (!reached?).then(|| "a command failed".to_owned()),
            Err(problem) => Some(problem),
        };
        Ok(Ran { output, problem })
    }

    /// Whether it comes to the mark before it ends.
    async fn until_mark(&mut self, take: &mut impl FnMut(&str)) -> anyhow::Result<bool> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = self.output.read_until(b'\n', &mut line).await;
            if length.context("reading from bash")? == 0 {
                return Ok(false);
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches('\n');
            if text == self.mark {
                return Ok(true);
            }
            // The one before the mark ends what has no end of its own.
            if !text.is_empty() {
                take(text);
            }
        }
    }

    /// The value of a variable; empty for one that has none.
    ///
    /// # Errors
    /// When the shell has ended.
    pub async fn value(&mut self, name: &str) -> anyhow::Result<String> {
        let ran = self.run(&format!("printf %s \"${{{name}-}}\""), OWN, |_| {}).await?;
        match ran.problem {
            Some(problem) => bail!("asking bash for the variable {name}: {problem}"),
            None => Ok(ran.output.trim_end().to_owned()),
        }
    }

    /// Sets a variable to what no shell would take for anything else.
    ///
    /// # Errors
    /// When the shell has ended.
    pub async fn set(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        let ran = self.run(&format!("{name}={value}"), OWN, |_| {}).await?;
        match ran.problem {
            Some(problem) => bail!("telling bash the variable {name}: {problem}"),
            None => Ok(()),
        }
    }

    /// Where the commands are run.
    #[cfg(test)]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        // What a lesson left running is in its group.
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The last `"trace_id"` of 32 hexadecimal digits in an answer.
pub fn trace_id(output: &str) -> Option<&str> {
    let (_, rest) = output.rsplit_once("\"trace_id\"")?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let (id, _) = value.split_once('"')?;
    (id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell() -> Shell {
        Shell::start(&[("GIVEN".to_owned(), "a b".to_owned())]).await.unwrap()
    }

    #[tokio::test]
    async fn a_variable_lives_on_and_each_line_is_told_as_it_comes() {
        let mut shell = shell().await;
        assert_eq!(shell.run("X=\"$GIVEN c\"", OWN, |_| {}).await.unwrap().problem, None);
        let mut told = Vec::new();
        let take = |line: &str| told.push(line.to_owned());
        let ran = shell.run("echo $X\nprintf end", OWN, take).await.unwrap();
        assert_eq!((ran.problem, ran.output.as_str()), (None, "a b c\nend\n"));
        assert_eq!(told, ["a b c", "end"]);
        assert_eq!(shell.value("X").await.unwrap(), "a b c");
        assert_eq!(shell.value("Y").await.unwrap(), "");
        shell.set("Y", "00ff").await.unwrap();
        assert_eq!(shell.value("Y").await.unwrap(), "00ff");
    }

    #[tokio::test]
    async fn what_fails_ends_the_step_and_what_reads_input_gets_none() {
        let mut shell = shell().await;
        let ran = shell.run("cat\nfalse\necho not this", OWN, |_| {}).await.unwrap();
        assert_eq!((ran.problem.as_deref(), ran.output.as_str()), (Some("a command failed"), ""));
        assert!(shell.value("X").await.is_err());
    }

    #[tokio::test]
    async fn what_fails_while_something_runs_in_the_background_ends_it_too() {
        let mut shell = shell().await;
        // It has the shell's output, which would not end before it does.
        let ran = shell.run("sleep 1000 &\nfalse", OWN, |_| {}).await.unwrap();
        assert_eq!(ran.problem.as_deref(), Some("a command failed"));
    }

    #[tokio::test]
    async fn what_does_not_end_is_given_up() {
        let mut shell = shell().await;
        let patience = Duration::from_secs(2);
        let ran = shell.run("echo this\nsleep 1000", patience, |_| {}).await.unwrap();
        assert_eq!(ran.problem.as_deref(), Some("no end after 2s"));
        assert_eq!(ran.output, "this\n");
    }

    #[tokio::test]
    async fn what_is_left_running_ends_with_the_shell() {
        let mut shell = shell().await;
        shell.run("sleep 1000 & CHILD=$!", OWN, |_| {}).await.unwrap();
        let child = shell.value("CHILD").await.unwrap();
        let path = format!("/proc/{child}");
        assert!(std::path::Path::new(&path).exists() && shell.folder().exists());
        let folder = shell.folder().to_owned();
        drop(shell);
        assert!(!folder.exists());
        // Until somebody has waited for it, a dead one is there as a zombie.
        let ended = || {
            let stat = std::fs::read_to_string(format!("{path}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while !ended() {
            assert!(tokio::time::Instant::now() < deadline, "it runs on");
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn the_last_trace_id_of_an_answer_is_found() {
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(32));
        let answer = format!(r#"{{"trace_id":"{one}"}} {{"trace_id" : "{two}","sampled":true}}"#);
        assert_eq!(trace_id(&answer), Some(two.as_str()));
        for text in ["", r#"{"trace_id":null}"#, r#"{"trace_id":"12"}"#, r#""trace_id""#] {
            assert_eq!(trace_id(text), None, "{text}");
        }
    }
}
