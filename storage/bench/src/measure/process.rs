//! What Linux accounts to a process (proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5)).

use std::time::Duration;

use anyhow::{Context, Result};

/// The unit of times in `/proc/PID/stat`: USER_HZ is 100 wherever Linux runs today.
const TICK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time of all threads, ended ones included.
    pub cpu: Duration,
    /// The greatest resident size so far, bytes.
    pub peak: u64,
    /// The present resident size, bytes; pages of mapped files count.
    pub resident: u64,
    /// Bytes that were fetched from storage, not from the page cache.
    pub read: u64,
}

impl Usage {
    pub fn of(process: u32) -> Result<Self> {
        let path = |file| format!("/proc/{process}/{file}");
        let stat = read(&path("stat"))?;
        // The program's name, the second field, may hold spaces; 14 and 15 are the times.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u32>().context("reading a process's times"))
            .sum::<Result<u32>>()?;
        let status = read(&path("status"))?;
        let io = read(&path("io"))?;
        Ok(Self {
            cpu: TICK * ticks,
            peak: number(&status, "VmHWM:")? * 1024,
            resident: number(&status, "VmRSS:")? * 1024,
            read: number(&io, "read_bytes:")?,
        })
    }

    /// Of several processes together.
    pub fn add(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.peak += other.peak;
        self.resident += other.resident;
        self.read += other.read;
    }
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {path}"))
}

fn number(text: &str, key: &str) -> Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("reading {key} of a process"))
}
