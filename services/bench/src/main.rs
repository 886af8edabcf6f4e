//! What telemetry costs a service: on its calls beside other crates' layers, at rest, and while the
//! backend of its telemetry is in trouble; and how long the console takes to show a large trace.
//!
//! ```text
//! cargo run --release -p telemetry-bench -- full
//! ```
//!
//! Figures are told and never judged: what else the machine does is in them. What is compared is
//! measured in turns, so that it is in all of them alike. Linux only: it reads `/proc`.

mod backend;
mod outage;
mod overhead;
mod page;
mod rest;
mod service;
mod table;

use anyhow::Result;
use clap::{Parser, Subcommand};

use overhead::Plan;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What a traced call costs more than a bare one.
    Overhead {
        /// How often each is measured.
        #[arg(long, default_value_t = Plan::FULL.rounds)]
        rounds: usize,
        /// How many requests that is each time.
        #[arg(long, default_value_t = Plan::FULL.requests)]
        requests: usize,
    },
    /// How soon a service is ready, and what memory it takes.
    Rest,
    /// How long requests take, and what becomes of spans, while the backend is in trouble.
    Outage,
    /// How long the console takes to make the page of a large trace.
    Page {
        /// How many spans it has.
        #[arg(long, default_value_t = page::Plan::FULL.spans)]
        spans: u64,
        /// How often each page is asked for.
        #[arg(long, default_value_t = page::Plan::FULL.rounds)]
        rounds: usize,
    },
    /// All of these.
    Full,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Overhead { rounds, requests } => overhead::run(Plan { rounds, requests }),
        Command::Rest => rest::run(),
        Command::Outage => outage::run(),
        Command::Page { spans, rounds } => page::run(page::Plan { spans, rounds }),
        Command::Full => {
            overhead::run(Plan::FULL)?;
            rest::run()?;
            outage::run()?;
            page::run(page::Plan::FULL)
        }
    }
}
