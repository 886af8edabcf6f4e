//! Being one part of the lab, in a process of its own.
//!
//! Standard input is a pipe from the lab. It closes when the lab wants the part to end, and also
//! when the lab dies in whatever way: no part outlives it.

use std::ffi::OsString;
use std::io;
use std::process::{ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a part may take to end by itself, in the worst case. Above a service's and the storage
/// server's own deadlines.
pub const END_DEADLINE: Duration = Duration::from_secs(15);
/// The same for a foreign program; below [`END_DEADLINE`], or it could outlive its guard.
const PROGRAM_DEADLINE: Duration = Duration::from_secs(5);

/// Which part to be.
#[derive(clap::Args)]
pub struct Arguments {
    program: Program,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// What a part runs.
#[derive(Clone, Copy, ValueEnum)]
pub enum Program {
    /// The storage server.
    Spoor,
    /// An instrumented service.
    Demo,
    /// A program of others, whose path is the first argument, under guard.
    Foreign,
}

/// Runs the part until it ends or standard input closes.
pub async fn run(Arguments { program, arguments }: Arguments) -> ExitCode {
    let closed = input_closed();
    match program {
        Program::Spoor => spoor::run(arguments, closed).await,
        Program::Demo => demo::run(arguments, closed).await,
        Program::Foreign => match guard(&arguments, closed).await {
            Ok(code) => code,
            Err(error) => {
                eprintln!("starting {}: {error}", arguments.join(" ".as_ref()).display());
                ExitCode::FAILURE
            }
        },
    }
}

/// Completes when standard input closes; from then on the process has until the deadline.
fn input_closed() -> impl Future<Output = ()> + Send {
    let (closed, receiver) = oneshot::channel();
    // A thread, since tokio's standard input would hold the runtime back from ending.
    thread::spawn(move || {
        // An error tells the same as the end: nobody holds the other side any more.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
        thread::sleep(END_DEADLINE);
        std::process::exit(1);
    });
    async {
        let _ = receiver.await;
    }
}

/// Runs a program that knows nothing of the lab, and ends it when `closed` completes.
async fn guard(
    arguments: &[OsString],
    closed: impl Future<Output = ()> + Send,
) -> io::Result<ExitCode> {
    let (path, arguments) = arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut program = Command::new(path).args(arguments).stdin(Stdio::null()).spawn()?;
    let id = program.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    tokio::select! {
        status = program.wait() => {
            eprintln!("{} ended: {}", path.display(), status?);
            return Ok(ExitCode::FAILURE);
        }
        () = closed => {}
    }
    if let Some(id) = id {
        kill_process(id, Signal::TERM)?;
    }
    if timeout(PROGRAM_DEADLINE, program.wait()).await.is_err() {
        program.kill().await?;
    }
    Ok(ExitCode::SUCCESS)
}
