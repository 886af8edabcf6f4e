//! How much memory each part of the whole native lab takes, and how long it takes to be ready.
//!
//! `cargo run --release -p e2e --bin footprint [REQUESTS_PER_SECOND [SECONDS]]`, 20 and 120 unless
//! told. Memory is resident memory, in MiB, of a part's processes after that time under load.

use std::time::{Duration, Instant};

use anyhow::Context;
use e2e::{Changes, NativeLab, memory};

const MIB: f64 = 1024.0 * 1024.0;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rate = arguments.next().unwrap_or_else(|| "20".to_owned());
    let seconds = arguments.next().map_or(Ok(120), |text| text.parse());
    let seconds: u64 = seconds.context("reading SECONDS")?;

    let began = Instant::now();
    let lab = NativeLab::up(Changes { load: Some(&rate), ..Changes::default() }).await?;
    let ready = began.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let memory = memory(lab.id())?;

    println!("{rate} requests/s for {seconds} s\n\n{:16} {:>8} {:>10}", "part", "MiB", "ready, s");
    let output = lab.output();
    for (part, bytes) in &memory {
        let start = output.lines().find_map(|line| {
            let (name, text) = line.split_once(" | ")?;
            (name.trim_end() == part).then(|| text.strip_prefix("ready after ")).flatten()
        });
        let start = start.and_then(|text| text.split_whitespace().next()).unwrap_or("at once");
        println!("{part:16} {:8.1} {start:>10}", bytes / MIB);
    }
    let all: f64 = memory.values().sum();
    println!("{:16} {:8.1} {ready:10.1}", "all", all / MIB);
    Ok(())
}
