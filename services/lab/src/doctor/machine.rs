//! Whether the machine, or a part, comes near a limit.

use rustix::fs::statvfs;
use sysinfo::System;

use super::api::prometheus::{self, Alert};
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::link::Link;
use crate::with::With;

const MIB: u64 = 1 << 20;
/// Below this the lab's data soon finds no place.
const FREE_DISK: u64 = 1024 * MIB;
/// Below this the kernel soon ends programs.
const FREE_MEMORY: u64 = 256 * MIB;

/// The disk, and alerts that one fills.
pub async fn disk(lab: &Lab<'_>) -> Verdict {
    let folder = std::env::temp_dir();
    let system = statvfs(&folder).map_err(|error| {
        Finding::new(
            format!("asking the system for the free disk of {}: {error}", folder.display()),
            "the folder for temporary files is not there",
            "set TMPDIR to a folder that is",
        )
    })?;
    let free = system.f_bavail * system.f_frsize;
    judge(
        lab,
        Link::Disk,
        "disk",
        free,
        FREE_DISK,
        "remove what is not needed, such as \
        `docker system prune`",
    )
    .await
}

/// The memory, and alerts of every other limit.
pub async fn memory(lab: &Lab<'_>) -> Verdict {
    let mut system = System::new().map_err(|error| {
        Finding::new(
            format!("asking the system for its free memory: {error}"),
            "this system is not known",
            "look at its memory by other means",
        )
    })?;
    system.refresh_memory();
    let free = system.available_memory();
    judge(
        lab,
        Link::Memory,
        "memory",
        free,
        FREE_MEMORY,
        "end other programs, or give Docker's \
        virtual machine more",
    )
    .await
}

async fn judge(lab: &Lab<'_>, link: Link, what: &str, free: u64, least: u64, fix: &str) -> Verdict {
    let evidence = format!("{} MiB of {what} free", free / MIB);
    if free < least {
        let cause = format!("the machine has little {what} left: below {} MiB", least / MIB);
        return Err(Finding::new(evidence, cause, fix));
    }
    // Whether Prometheus answers at all is judged elsewhere.
    let alerts = match lab.has(With::Prometheus) {
        true => prometheus::alerts(lab).await.unwrap_or_default(),
        false => Vec::new(),
    };
    match alerts.iter().find(|alert| saturates(alert) == Some(link)) {
        Some(alert) => Err(explain(alert)),
        None if lab.has(With::Prometheus) => Ok(evidence + ", no alert of saturation"),
        None => Ok(evidence),
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
mod tests {
    use super::*;

    fn alert(name: &str, kind: &str, state: &str) -> Alert {
        let labels = [("alertname", name), ("kind", kind)];
        Alert {
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            annotations: prometheus::Labels::new(),
            state: state.to_owned(),
        }
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
