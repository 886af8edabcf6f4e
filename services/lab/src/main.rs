//! `lab` brings the lab up natively: each part a process of its own, most of them this executable.

mod addresses;
mod children;
mod console;
mod doctor;
mod edges;
mod find;
mod guard;
mod interrupt;
mod lesson;
mod lines;
mod load;
mod log_lines;
mod logs;
mod no_page;
mod once;
mod output;
mod part;
mod parts;
mod ports;
mod program;
mod scenario;
mod setting;
mod tree;
mod up;
mod waterfall;
mod with;

use std::io::stderr;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use interrupt::Interrupt;
use output::Output;

/// An observability lab: four instrumented services, and what keeps and shows their telemetry.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the lab up until Ctrl-C; what `lab` without arguments does
    Up(up::Arguments),
    /// Send requests to the services of a running lab, and tell how long each took
    Load(load::Arguments),
    /// Serve the page on which a running lab is looked at, until Ctrl-C
    Console(console::Arguments),
    /// Have something go wrong in a running lab, to find out what
    Scenario(scenario::Arguments),
    /// Examine a running lab, link by link, and name the first that is broken
    Doctor(doctor::Arguments),
    /// Show a trace of a running lab: what it waited for, span by span
    Trace(waterfall::Arguments),
    /// Find traces of a running lab by what their spans have
    Find(find::Arguments),
    /// Run the lessons of docs/lessons, and check what they say
    Lesson(lesson::Arguments),
    /// Be one part of the lab, until standard input closes
    #[command(hide = true)]
    Part(part::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let outcome = match command.unwrap_or(Command::Up(up::Arguments::default())) {
        Command::Up(arguments) => up::run(arguments).await,
        Command::Load(arguments) => load(arguments).await,
        Command::Console(arguments) => console(arguments).await,
        Command::Scenario(arguments) => scenario::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Trace(arguments) => waterfall::run(arguments).await,
        Command::Find(arguments) => find::run(arguments).await,
        Command::Lesson(arguments) => Box::pin(lesson::run(arguments)).await,
        Command::Part(arguments) => part::run(arguments).await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            Output::new(stderr()).print(format!("lab: {error:#}\n")).await;
            ExitCode::FAILURE
        }
    }
}

async fn console(arguments: console::Arguments) -> anyhow::Result<ExitCode> {
    let mut interrupt = Interrupt::new().context("listening for signals")?;
    console::run(arguments, async move { interrupt.next().await }).await?;
    Ok(ExitCode::SUCCESS)
}

async fn load(arguments: load::Arguments) -> anyhow::Result<ExitCode> {
    let mut interrupt = Interrupt::new().context("listening for signals")?;
    load::run(arguments, interrupt.next()).await?;
    Ok(ExitCode::SUCCESS)
}
