//! Being one part of the lab, in a process of its own.
//!
//! Standard input is a pipe from the lab. It closes when the lab wants the part to end, and also
//! when the lab dies in whatever way: no part outlives it.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Subcommand;
use tokio::sync::oneshot;

use crate::{console, guard, load};

/// How long a part may take to end by itself, in the worst case. Above a service's and the storage
/// server's own deadlines.
pub const END_DEADLINE: Duration = Duration::from_secs(15);

/// Which part to be.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    program: Program,
}

/// What a part runs.
#[derive(Subcommand)]
enum Program {
    /// The storage server.
    Spoor(Stored),
    /// An instrumented service.
    Demo(Rest),
    /// The traffic.
    Load(load::Arguments),
    /// The page.
    Console(console::Arguments),
    /// A program of others, under guard.
    Foreign(guard::Arguments),
}

#[derive(clap::Args)]
struct Stored {
    /// A folder to remove when the storage server has ended
    #[arg(long)]
    folder: PathBuf,
    #[command(flatten)]
    rest: Rest,
}

#[derive(clap::Args)]
struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the part until it ends or standard input closes.
///
/// # Errors
/// When it cannot be started.
pub async fn run(Arguments { program }: Arguments) -> anyhow::Result<ExitCode> {
    let closed = input_closed();
    Ok(match program {
        Program::Spoor(Stored { folder, rest }) => {
            let code = spoor::run(rest.arguments, closed).await;
            // The lab does the same; whoever comes second finds nothing.
            let _ = std::fs::remove_dir_all(folder);
            code
        }
        Program::Demo(rest) => demo::run(rest.arguments, || closed).await,
        Program::Load(arguments) => {
            load::run(arguments, closed).await?;
            ExitCode::SUCCESS
        }
        Program::Console(arguments) => {
            console::run(arguments, closed).await?;
            ExitCode::SUCCESS
        }
        Program::Foreign(arguments) => guard::run(arguments, closed).await?,
    })
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
