use std::collections::BTreeMap;

use anyhow::Context;

/// What those parts run that are no services.
const PROGRAMS: [&str; 7] =
    ["load", "console", "spoor", "jaeger", "otelcol-contrib", "prometheus", "loki"];

/// The resident bytes of the process of a lab, whose id is told, and of each part's, by part.
///
/// # Errors
/// When processes cannot be listed, or one is of no part.
pub fn memory(lab: u32) -> anyhow::Result<BTreeMap<String, f64>> {
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
            .find(|word| PROGRAMS.contains(word))
            .context("finding out which part a process is")?
            .replace("otelcol-contrib", "otel-collector"),
    })
}
