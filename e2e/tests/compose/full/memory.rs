//! The memory of each part under more load than a lab is for.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::measured;
use crate::lab::Lab;
use crate::tier::WHOLE;

/// Requests a second.
const RATE: f64 = 200.0;
/// What the load tells of this time, it tells each minute.
const DURATION: Duration = Duration::from_secs(190);
const INTERVAL: Duration = Duration::from_secs(2);
const MIB: f64 = 1024.0 * 1024.0;

#[tokio::test]
#[ignore = "takes four minutes; run by .ci/full"]
async fn at_two_hundred_requests_a_second_no_part_comes_near_its_limit() {
    let lab = Lab::new(WHOLE).unwrap().load("200");
    lab.up().unwrap();
    let containers = lab.containers().unwrap();
    let end = Instant::now() + DURATION;
    let mut peaks = BTreeMap::<&str, u64>::new();
    while Instant::now() < end {
        for (part, container) in &containers {
            let peak = peaks.entry(part).or_default();
            *peak = (*peak).max(anonymous(container).unwrap());
        }
        sleep(INTERVAL).await;
    }
    let said = lab.compose(&["logs", "--no-log-prefix", "--no-color", "load"]).unwrap();
    measured(&said);

    measured("part: peak of anonymous memory, of its limit, at 200 requests a second");
    for (part, container) in &containers {
        let limit = container["HostConfig"]["Memory"].as_u64().unwrap();
        let [peak, limit] = [peaks[part.as_str()], limit].map(|bytes| bytes as f64 / MIB);
        measured(&format!("{part}: {peak:.0} of {limit:.0} MiB, {:.0} %", peak / limit * 100.0));
    }
    for (part, container) in lab.containers().unwrap() {
        let limit = container["HostConfig"]["Memory"].as_u64().unwrap();
        assert!(peaks[part.as_str()] * 10 < limit * 9, "{part} is near its limit");
        assert_eq!(container["RestartCount"], 0, "{part} was started again");
        assert_eq!(container["State"]["OOMKilled"], false, "{part}");
    }
    let rates = said.lines().filter_map(rate).collect::<Vec<_>>();
    assert!(!rates.is_empty() && rates.iter().all(|rate| *rate >= 0.98 * RATE), "{rates:?}");
    assert!(!said.contains("left out"), "{said}");
}

/// Bytes that the processes of a container have of their own, which the kernel cannot take back as
/// it can those of files.
fn anonymous(container: &Value) -> anyhow::Result<u64> {
    let process = &container["State"]["Pid"];
    let groups = std::fs::read_to_string(format!("/proc/{process}/cgroup"))
        .with_context(|| format!("finding the control group of process {process}"))?;
    let root = Path::new("/sys/fs/cgroup");
    let group = |line: &str| {
        // Version 1, where each kind has a tree of its own, and version 2.
        match line.splitn(3, ':').collect::<Vec<_>>()[..] {
            [_, "memory", path] => Some((root.join("memory"), path.to_owned(), "total_rss ")),
            ["0", "", path] => Some((root.to_owned(), path.to_owned(), "anon ")),
            _ => None,
        }
    };
    let (tree, path, field) = groups.lines().find_map(group).context("finding its memory")?;
    let file = tree.join(path.trim_start_matches('/')).join("memory.stat");
    let statistics =
        std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let value = statistics.lines().find_map(|line| line.strip_prefix(field));
    Ok(value.with_context(|| format!("finding {field}"))?.parse()?)
}

/// Of `12000 requests in 60 s, 200.0 a second: …`, how many a second.
fn rate(line: &str) -> Option<f64> {
    let (_, rest) = line.split_once(" s, ")?;
    rest.split_once(" a second")?.0.parse().ok()
}
