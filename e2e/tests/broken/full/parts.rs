//! The parts themselves: silent ones, their ports and their clocks. And a lab where nothing is
//! broken.

use std::fs;

use anyhow::{Context, bail};
use e2e::{NativeLab, PARTS};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::sabotage::Sabotage;
use crate::{blames, breakages};

breakages! {
    "needs jaeger, collector, prometheus, loki and faketime; run by .ci/full";

    the_clock_of_a_service_is_ahead:
        Sabotage::clock("app-b", "+90s")
        => "clocks", "the clock of app-b is off";

    the_clock_of_the_storage_is_behind:
        Sabotage::clock("spoor", "-300s")
        => "clocks", "the clock of spoor is off";
}

#[tokio::test]
#[ignore = "needs jaeger, collector, prometheus, loki and faketime; run by .ci/full"]
async fn only_what_is_told_wrong_is_wrong_with_a_whole_lab() -> anyhow::Result<()> {
    let lab = Sabotage::default().lab().await?;
    let (whole, report) = lab.doctor("60s", &[])?;
    assert!(whole && report["ok"] == true, "{report:#}");
    let links = report["links"].as_array().context("finding the links")?;
    assert!(links.iter().all(|link| link["status"] == "ok"), "{report:#}");

    blames(&lab, &["env", "LOKI_PORT=1"], "loki", "its port was moved by LOKI_PORT")?;
    let url = lab.url("APP_A_PORT");
    let (_, port) = url.rsplit_once(':').context("finding a port")?;
    let moved = format!("APP_B_PORT={port}");
    blames(&lab, &["env", &moved], "app-b", "another program has the port of app-b")?;
    let late = ["faketime", "--exclude-monotonic", "-f", "-45s"];
    blames(&lab, &late, "clocks", "all differ alike")
}

#[tokio::test]
#[ignore = "needs jaeger, collector, prometheus and loki; run by .ci/full"]
async fn a_part_that_hangs_is_named_whichever_it_is() -> anyhow::Result<()> {
    let lab = Sabotage::default().lab().await?;
    for (part, link) in PARTS {
        let group = process_group(&lab, part)?;
        kill_process_group(group, Signal::STOP)?;
        let blamed = blames(&lab, &[], link, &format!("{part} hangs"));
        kill_process_group(group, Signal::CONT)?;
        blamed?;
    }
    Ok(())
}

/// Each part of a lab leads a group of processes, by the part's name as its first word.
fn process_group(lab: &NativeLab, part: &str) -> anyhow::Result<Pid> {
    for thread in fs::read_dir(format!("/proc/{}/task", lab.id()))? {
        let children = fs::read_to_string(thread?.path().join("children"))?;
        for child in children.split_whitespace() {
            let words = fs::read_to_string(format!("/proc/{child}/cmdline"))?;
            if words.starts_with(&format!("{part}\0part\0")) {
                return Pid::from_raw(child.parse()?).context("reading a process's id");
            }
        }
    }
    bail!("the lab has no process of {part}")
}
