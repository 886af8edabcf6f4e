//! `lab` brings the lab up natively: each part a process of its own, most of them this executable.

mod addresses;
mod children;
mod edges;
mod interrupt;
mod jaeger;
mod logs;
mod once;
mod output;
mod part;
mod parts;
mod ports;
mod storage;
mod trace;
mod tree;
mod up;
mod with;

use std::io::stderr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use output::Output;

/// An observability lab: four instrumented services, and the storage server that keeps their
/// traces.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the lab up until Ctrl-C; what `lab` without arguments does.
    Up(up::Arguments),
    /// Be one part of the lab, until standard input closes.
    #[command(hide = true)]
    Part(part::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        None => up::run(up::Arguments::default()).await,
        Some(Command::Up(arguments)) => up::run(arguments).await,
        Some(Command::Part(arguments)) => return part::run(arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Output::new(stderr()).print(format!("lab: {error:#}\n")).await;
            ExitCode::FAILURE
        }
    }
}
