//! Running a program that knows nothing of the lab, so that nothing of it outlives the lab.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long the program may take to end by itself; below [`crate::part::END_DEADLINE`], or it could
/// outlive its guard.
const PROGRAM_DEADLINE: Duration = Duration::from_secs(5);

/// What to guard.
#[derive(clap::Args)]
pub struct Arguments {
    /// A folder to remove when the program has ended
    #[arg(long)]
    folder: Option<PathBuf>,
    program: PathBuf,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the program, and ends it when `closed` completes. That it ends by itself is a failure.
///
/// # Errors
/// When it cannot be started or waited for.
pub async fn run(
    Arguments { folder, program, arguments }: Arguments,
    closed: impl Future<Output = ()> + Send,
) -> anyhow::Result<ExitCode> {
    let name = program.display();
    let outcome = async {
        let mut child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        tokio::select! {
            status = child.wait() => {
                eprintln!("{name} ended: {}", status.with_context(|| format!("waiting for {name}"))?);
                Ok(ExitCode::FAILURE)
            }
            () = closed => {
                end(&mut child).await.with_context(|| format!("ending {name}"))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    };
    let outcome = outcome.await;
    if let Some(folder) = folder {
        // The lab does the same; whoever comes second finds nothing.
        let _ = std::fs::remove_dir_all(folder);
    }
    outcome
}

async fn end(program: &mut Child) -> std::io::Result<()> {
    if let Some(id) = program.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        kill_process(id, Signal::TERM)?;
    }
    if timeout(PROGRAM_DEADLINE, program.wait()).await.is_err() {
        program.kill().await?;
    }
    Ok(())
}
