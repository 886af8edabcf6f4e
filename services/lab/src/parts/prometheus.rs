//! Prometheus.

use std::path::Path;

use anyhow::Context;

use super::{Part, Plan, folder, foreign};
use crate::ports::known::{self, PROMETHEUS};

/// The files that the container has, but for the targets.
#[rustfmt::skip]
const FILES: [(&str, &str); 6] = [
    ("prometheus.yml", include_str!("../../../../prometheus/prometheus.yml")),
    ("flags", include_str!("../../../../prometheus/flags")),
    ("rules/availability.yml", include_str!("../../../../prometheus/rules/availability.yml")),
    ("rules/red.yml", include_str!("../../../../prometheus/rules/red.yml")),
    ("rules/saturation.yml", include_str!("../../../../prometheus/rules/saturation.yml")),
    ("rules/slo.yml", include_str!("../../../../prometheus/rules/slo.yml")),
];
/// What there is to scrape in containers: each group is one target, by name and port.
const TARGETS: [&str; 2] = [
    include_str!("../../../../prometheus/targets.yml"),
    include_str!("../../../../prometheus/targets-grafana.yml"),
];

pub fn part(plan: &Plan, program: &Path) -> anyhow::Result<Part> {
    let name = PROMETHEUS.part;
    let folder = folder(name)?;
    let path = |file: &str| folder.path().join(file);
    let targets = targets(plan);
    std::fs::create_dir(path("rules")).context("making a folder for rules")?;
    for (file, text) in FILES.into_iter().chain([("targets.yml", targets.as_str())]) {
        let path = path(file);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    let mut command = foreign(name, program, Some(&folder))?;
    command.arg(format!("@{}", path("flags").display()));
    command.arg(format!("--config.file={}", path("prometheus.yml").display()));
    command.arg(format!("--storage.tsdb.path={}", path("data").display()));
    command.arg(format!("--web.listen-address={}", plan.address(PROMETHEUS)));
    Ok(Part {
        name,
        command,
        folder: Some(folder),
        ready: Some(format!("{}/-/ready", plan.url(PROMETHEUS))),
        places: vec![(plan.url(PROMETHEUS), "metrics: the query page, targets and alerts")],
    })
}

/// The containers' targets on the ports of this run, without those of parts that it does not have.
fn targets(plan: &Plan) -> String {
    const START: &str = "- targets: [";
    let mut targets = String::new();
    for group in TARGETS.iter().flat_map(|file| file.split(START).skip(1)) {
        let (target, labels) = group.split_once(']').unwrap_or((group, ""));
        let port = known::ALL.into_iter().find(|port| port.in_container() == target);
        if let Some(address) = port.and_then(|port| plan.ports.get(port)) {
            targets.push_str(&format!("{START}{address}]{labels}"));
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::parts;
    use crate::ports::Ports;
    use crate::with::With::{Collector, Jaeger, Prometheus};

    #[test]
    fn a_native_target_has_the_labels_of_the_container_and_the_port_of_the_run() {
        let ports = Ports::free(&parts::ports(&[Jaeger, Collector, Prometheus])).unwrap();
        let admin_token = String::new();
        let plan = Plan { ports, programs: BTreeMap::new(), checked: false, admin_token };
        let targets = targets(&plan);
        for (port, labels) in [
            (
                known::SPAN_METRICS,
                "]\n  labels:\n    job: span-metrics\n    __scrape_interval__: 2s\n",
            ),
            (known::STORAGE_ADMIN, "]\n  labels: { job: spoor }\n"),
            (PROMETHEUS, "]\n  labels: { job: prometheus }\n"),
        ] {
            let target = format!("- targets: [{}{labels}", plan.address(port));
            assert!(targets.contains(&target), "{target} in\n{targets}");
        }
        for absent in ["loki", "grafana", "jaeger:"] {
            assert!(!targets.contains(absent), "{targets}");
        }
    }

    #[test]
    fn every_target_of_the_containers_is_a_known_port() {
        let known: BTreeSet<_> = known::ALL.iter().map(|port| port.in_container()).collect();
        for file in TARGETS {
            for group in file.split("targets: [").skip(1) {
                assert!(known.contains(group.split(']').next().unwrap()), "{group}");
            }
        }
    }

    #[test]
    fn every_file_of_rules_is_carried() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prometheus/rules");
        let names = std::fs::read_dir(folder).unwrap();
        let names: BTreeSet<_> =
            names.map(|entry| format!("rules/{}", entry.unwrap().file_name().display())).collect();
        let carried = FILES.iter().map(|(name, _)| (*name).to_owned());
        assert_eq!(
            carried.filter(|name| name.starts_with("rules/")).collect::<BTreeSet<_>>(),
            names
        );
    }
}
