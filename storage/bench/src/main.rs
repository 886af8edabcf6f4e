//! Loads spoor's memory engine and Jaeger's memory store with the same spans in one run, then
//! asks both the same queries, checks every count against what was sent, and prints ratios.
//!
//! ```text
//! cargo build --release -p spoor
//! cargo run --release -p spoor-bench -- --jaeger "$(e2e/programs jaeger)"
//! ```
//!
//! CPU is user and system time of the server process alone, per span that the server
//! acknowledged. Times of queries include the client, which decodes the answers to count them.
//! Linux only: it reads `/proc`.

mod load;
mod queries;
mod servers;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use load::Load;
use servers::{Ingested, Server};

#[derive(Parser)]
struct Arguments {
    /// The Jaeger program; without it spoor runs alone.
    #[arg(long)]
    jaeger: Option<PathBuf>,
    /// The spoor program.
    #[arg(long, default_value = "target/release/spoor")]
    spoor: PathBuf,
    /// How many traces of ten spans to send in each round.
    #[arg(long, default_value_t = 16_000)]
    traces: usize,
    /// How often to load each server anew; the servers take turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many requests are in flight at once.
    #[arg(long, default_value_t = 4)]
    workers: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let load = Load::new(arguments.traces);
    println!(
        "{} traces, {} spans, {} bytes of OTLP, {} requests in flight",
        load.traces,
        load.spans(),
        load.bytes(),
        arguments.workers
    );
    println!(
        "\n{:<8} {:>5} {:>12} {:>12} {:>10}",
        "ingest", "round", "cpu µs/span", "spans/s", "peak MiB"
    );

    let mut runs = Vec::<(&str, Ingested)>::new();
    for round in 1..=arguments.rounds {
        for name in names(&arguments) {
            let server = start(&arguments, name).await?;
            let ingested = server.ingest(&load, arguments.workers).await?;
            println!(
                "{name:<8} {round:>5} {:>12.2} {:>12.0} {:>10}",
                ingested.cpu_micros_per_span, ingested.spans_per_second, ingested.peak_mib
            );
            runs.push((name, ingested));
        }
    }
    let median = |wanted: &str| {
        let mut cpu: Vec<_> = runs
            .iter()
            .filter(|(name, _)| *name == wanted)
            .map(|(_, ingested)| ingested.cpu_micros_per_span)
            .collect();
        cpu.sort_by(f64::total_cmp);
        cpu.get(cpu.len() / 2).copied()
    };
    if let (Some(spoor), Some(jaeger)) = (median("spoor"), median("jaeger")) {
        println!(
            "median cpu per span: spoor {spoor:.2} µs, jaeger {jaeger:.2} µs, ratio {:.2}",
            spoor / jaeger
        );
    }

    let mut servers = Vec::new();
    for name in names(&arguments) {
        let server = start(&arguments, name).await?;
        server.ingest(&load, arguments.workers).await?;
        servers.push((name, server));
    }
    println!();
    queries::compare(&load, &servers).await
}

fn names(arguments: &Arguments) -> impl Iterator<Item = &'static str> {
    ["spoor"].into_iter().chain(arguments.jaeger.is_some().then_some("jaeger"))
}

async fn start(arguments: &Arguments, name: &str) -> Result<Server> {
    match (name, &arguments.jaeger) {
        ("jaeger", Some(program)) => Server::jaeger(program).await,
        _ => Server::spoor(&arguments.spoor).await,
    }
    .with_context(|| format!("starting {name}"))
}
