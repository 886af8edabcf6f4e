//! How much memory each part of the whole native lab takes, and how long it takes to be ready.
//!
//! `cargo run --release -p e2e --bin footprint [REQUESTS_PER_SECOND [SECONDS]]`, 20 and 120 unless
//! told. Memory is resident memory, in MiB, of a part's processes after that time under load.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use e2e::{Changes, NativeLab};

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

/// The resident bytes of the lab's process and of each part's, by part.
fn memory(lab: u32) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut parents = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").context("listing processes")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has ended meanwhile has no such file.
        if let Some(parent) = status(process, "PPid:") {
            parents.insert(process, parent as u32);
        }
    }
    let mut memory = BTreeMap::new();
    for &process in parents.keys() {
        let mut part = process;
        while let Some(&parent) = parents.get(&part).filter(|parent| **parent != lab) {
            part = parent;
        }
        let name = match (process == lab, parents.contains_key(&part)) {
            (true, _) => "lab".to_owned(),
            (false, true) => name(part)?,
            (false, false) => continue,
        };
        let kibibytes = status(process, "VmRSS:").unwrap_or_default();
        *memory.entry(name).or_default() += kibibytes as f64 * 1024.0;
    }
    Ok(memory)
}

/// A number of a process's status.
fn status(process: u32, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

/// Which part a child of the lab is: a service by its name, others by what they run.
fn name(process: u32) -> anyhow::Result<String> {
    let read = |file| {
        let path = format!("/proc/{process}/{file}");
        let bytes = std::fs::read(&path).with_context(|| format!("reading {path}"))?;
        anyhow::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let environment = read("environ")?;
    let variable = |name: &str| environment.split('\0').find_map(|line| line.strip_prefix(name));
    Ok(match variable("OTEL_SERVICE_NAME=") {
        Some(service) => service.to_owned(),
        None => read("cmdline")?
            .split('\0')
            .filter_map(|word| word.rsplit('/').next())
            .find(|word| {
                ["load", "spoor", "jaeger", "otelcol-contrib", "prometheus", "loki"].contains(word)
            })
            .context("finding out which part a process is")?
            .replace("otelcol-contrib", "otel-collector"),
    })
}
