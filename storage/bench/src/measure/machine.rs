//! What the figures were taken on.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::disk;

pub fn describe(directory: &Path) -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, model)| model.trim());
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let storage =
        if disk::is_in_memory(directory)? { "in MEMORY, not on a disk" } else { "on a disk" };
    Ok(format!(
        "{count} processors ({model}), Linux {}, {:.0} GiB of memory, stores {storage}, load \
         average {load}",
        kernel.trim(),
        memory("MemTotal:") as f64 / (1 << 30) as f64,
    ))
}

/// Bytes that programs could take without others having to give some up.
pub fn available_memory() -> u64 {
    memory("MemAvailable:")
}

fn memory(key: &str) -> u64 {
    let found = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = found
        .lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}
