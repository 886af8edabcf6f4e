//! Whether the machine, or a part, comes near a limit.

use rustix::fs::statvfs;
use sysinfo::System;

use super::api::prometheus::{self, Alert};
use super::finding::{Finding, Verdict};
use super::link::Link;

const MIB: u64 = 1 << 20;
/// Below this the lab's data soon finds no place.
const FREE_DISK: u64 = 1024 * MIB;
/// Below this the kernel soon ends programs.
const FREE_MEMORY: u64 = 256 * MIB;
const MORE_DISK: &str = "remove what is not needed, such as `docker system prune`";
const MORE_MEMORY: &str = "end other programs, or give Docker's virtual machine more";

/// The disk, and alerts that one fills.
pub fn disk(alerts: Option<&[Alert]>) -> Verdict {
    let folder = std::env::temp_dir();
    let system = statvfs(&folder)
        .map_err(|error| no_folder(&format!("free disk of {}: {error}", folder.display())))?;
    let free = system.f_bavail * system.f_frsize;
    enough("disk", free, FREE_DISK, MORE_DISK)?;
    judge(Link::Disk, format!("{} MiB of disk free", free / MIB), alerts)
}

/// The memory, and alerts of every other limit.
pub fn memory(alerts: Option<&[Alert]>) -> Verdict {
    let mut system = System::new().map_err(|error| no_system(&format!("free memory: {error}")))?;
    system.refresh_memory();
    let free = system.available_memory();
    enough("memory", free, FREE_MEMORY, MORE_MEMORY)?;
    judge(Link::Memory, format!("{} MiB of memory free", free / MIB), alerts)
}

fn no_folder(what: &str) -> Finding {
    Finding::new(
        format!("asking the system for the {what}"),
        "the folder for temporary files is not there",
        "set TMPDIR to a folder that is",
    )
}

fn no_system(what: &str) -> Finding {
    Finding::new(
        format!("asking the system for its {what}"),
        "this system is not known",
        "look at its memory by other means",
    )
}

fn enough(what: &str, free: u64, least: u64, fix: &str) -> Result<(), Finding> {
    if free >= least {
        return Ok(());
    }
    Err(Finding::new(
        format!("{} MiB of {what} free", free / MIB),
        format!("the machine has little {what} left: below {} MiB", least / MIB),
        fix,
    ))
}

fn judge(link: Link, evidence: String, alerts: Option<&[Alert]>) -> Verdict {
    let Some(alerts) = alerts else { return Ok(evidence) };
    match alerts.iter().find(|alert| saturates(alert) == Some(link)) {
        Some(alert) => Err(explain(alert)),
        None => Ok(evidence + ", no alert of saturation"),
    }
}

/// Which link a firing alert of saturation is of.
fn saturates(alert: &Alert) -> Option<Link> {
    let label = |name: &str| alert.labels.get(name).map_or("", String::as_str);
    let fires = alert.state == "firing" && label("kind") == "saturation";
    let disk = label("alertname").contains("Storage");
    fires.then_some(if disk { Link::Disk } else { Link::Memory })
}

fn explain(alert: &Alert) -> Finding {
    let text =
        |labels: &prometheus::Labels, name: &str| labels.get(name).cloned().unwrap_or_default();
    let name = text(&alert.labels, "alertname");
    let summary = text(&alert.annotations, "summary");
    Finding::new(
        format!("the alert {name} fires: {summary}"),
        "a part is near one of its limits",
        match text(&alert.annotations, "runbook") {
            empty if empty.is_empty() => "lower LOAD_RATE, or raise the part's limit".to_owned(),
            runbook => runbook,
        },
    )
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn findings() -> Vec<(Link, Finding)> {
        let limit = || explain(&alert("", "", ""));
        vec![
            (Link::Disk, no_folder("")),
            (Link::Disk, enough("disk", 0, FREE_DISK, MORE_DISK).unwrap_err()),
            (Link::Disk, limit()),
            (Link::Memory, no_system("")),
            (Link::Memory, enough("memory", 0, FREE_MEMORY, MORE_MEMORY).unwrap_err()),
            (Link::Memory, limit()),
        ]
    }

    fn alert(name: &str, kind: &str, state: &str) -> Alert {
        let labels = [("alertname", name), ("kind", kind)];
        Alert {
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            annotations: prometheus::Labels::new(),
            state: state.to_owned(),
        }
    }

    #[test]
    fn a_limit_is_judged_by_what_is_free_and_by_alerts_where_they_are_known() {
        let little = enough("disk", 7 * MIB, FREE_DISK, "make room").unwrap_err();
        assert_eq!(little.evidence, "7 MiB of disk free");
        let verdict = |alerts| judge(Link::Memory, "enough".to_owned(), alerts);
        assert_eq!(verdict(None).unwrap(), "enough");
        assert_eq!(verdict(Some(&[])).unwrap(), "enough, no alert of saturation");
        let firing = alert("GoMemoryNearLimit", "saturation", "firing");
        assert!(verdict(Some(&[firing])).unwrap_err().evidence.contains("GoMemoryNearLimit"));
    }

    #[test]
    fn only_a_firing_alert_of_saturation_is_a_limit() {
        assert_eq!(
            saturates(&alert("GoMemoryNearLimit", "saturation", "firing")),
            Some(Link::Memory)
        );
        assert_eq!(
            saturates(&alert("PrometheusStorageNearLimit", "saturation", "firing")),
            Some(Link::Disk)
        );
        assert_eq!(saturates(&alert("GoMemoryNearLimit", "saturation", "pending")), None);
        assert_eq!(saturates(&alert("AvailabilityBudgetBurns", "slo", "firing")), None);
    }
}
