//! Sends the same spans to spoor and to its peers, asks all of them the same questions, and tells
//! what that costs each.
//!
//! ```text
//! cargo run --release -p spoor-bench -- quick
//! cargo run --release -p spoor-bench -- full
//! ```
//!
//! Servers are processes of their own. CPU is user and system time of the server alone, until it
//! is idle again; times of answers include the client, which counts what it gets. All requests
//! are encoded beforehand, from a seed whose bytes are held to a checksum (`generator`). Every
//! answer's size is checked against what was sent. Linux only: it reads `/proc`.

mod callgrind;
mod check;
mod compare;
mod crowd;
mod encoded;
mod generator;
mod ingest;
mod load;
mod measure;
mod newest;
mod opening;
mod queries;
mod questions;
mod report;
mod scale;
mod servers;
mod setup;
mod truth;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use compare::Plan;
use generator::{ExportSize, Shape};
use load::{Load, Part};
use queries::Effort;
use setup::Options;

/// How many spans servers are compared with.
const PEERS: usize = 300_000;
/// How long the slowest peer is waited for in a quick run.
const LIMIT: Duration = Duration::from_secs(40);

/// How many other clients good ones are measured beside.
const CROWD: usize = 10_000;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Command {
    /// Spoor and its peers with 300 thousand spans, in less than ten minutes.
    Quick {
        /// How many spans.
        #[arg(long, default_value_t = PEERS)]
        spans: usize,
        /// How often fast servers are loaded anew.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
    },
    /// The same with more repetition, then spoor alone with 100 thousand, one and ten million, then
    /// good clients beside a crowd.
    Full,
    /// Every count right, in seconds; no figures.
    Check,
    /// Spoor alone with some numbers of spans.
    Scale {
        /// How many spans.
        #[arg(default_values_t = [100_000, 1_000_000])]
        spans: Vec<usize>,
    },
    /// Times of good clients alone, and beside others that are idle, slow or mean harm.
    Crowd {
        /// How many others.
        #[arg(default_value_t = CROWD)]
        others: usize,
    },
    /// Instructions a span.
    Callgrind {
        /// How many spans.
        #[arg(long, default_value_t = 50_000)]
        spans: usize,
        /// Where the profile goes, for `callgrind_annotate`.
        #[arg(long, default_value = "target/callgrind.out")]
        output: PathBuf,
    },
    /// What is generated: sizes, and every attribute with its number of values.
    Describe,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { command, options } = Arguments::parse();
    if let Command::Describe = command {
        return describe(&std::env::temp_dir());
    }
    let knows_peers = matches!(command, Command::Quick { .. } | Command::Full | Command::Check);
    let setup = options.prepare(knows_peers)?;
    println!("{}\n", measure::machine::describe(&setup.programs.place)?);
    match command {
        Command::Quick { spans, rounds } => {
            let plan = Plan { spans, rounds, effort: Effort::QUICK, limit: Some(LIMIT) };
            let compared = compare::run(&setup, plan).await?;
            println!("{}", compared.last_line(&setup)?);
        }
        Command::Full => {
            let plan = Plan { spans: PEERS, rounds: 5, effort: Effort::FULL, limit: None };
            let compared = compare::run(&setup, plan).await?;
            scale::run(&setup, &[100_000, 1_000_000, 10_000_000], Effort::FULL).await?;
            crowd::run(&setup, CROWD, Effort::FULL.warm).await?;
            println!("{}", compared.last_line(&setup)?);
        }
        Command::Check => check::run(&setup).await?,
        Command::Scale { spans } => scale::run(&setup, &spans, Effort::QUICK).await?,
        Command::Crowd { others } => crowd::run(&setup, others, Effort::QUICK.warm).await?,
        Command::Callgrind { spans, output } => {
            let place = &setup.programs.place;
            let load = Load::generate(Shape::Realistic, ExportSize::Sdk, spans, Part::Main, place)?;
            let counted = callgrind::measure(&setup.programs, setup.engine, &load, &output).await?;
            println!(
                "instructions_per_span={:.0} ({} spans; {:.0} million more to start and to end)",
                counted.instructions_per_span,
                load.spans,
                counted.baseline as f64 / 1e6
            );
        }
        Command::Describe => {}
    }
    Ok(())
}

fn describe(place: &std::path::Path) -> Result<()> {
    const SPANS: usize = 300_000;
    let mut loads = Vec::new();
    for shape in [Shape::Realistic, Shape::Telemetrygen] {
        for size in [ExportSize::Sdk, ExportSize::Collector] {
            loads.push(Load::generate(shape, size, SPANS, Part::Main, place)?);
        }
    }
    println!("{}", report::loads(&loads));
    for load in loads.iter().filter(|load| load.size == ExportSize::Sdk) {
        println!("{}: {}\n\n{}", load.shape.name(), load.summary, load.attributes);
    }
    Ok(())
}
