//! What `docs/troubleshooting.md` says of the doctor's findings is what the doctor says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::finding::Finding;
use super::link::Link;
use super::with::With;
use super::{
    api, clocks, exemplars, grafana, late, logs, machine, parts, ports, probe, service_graph,
    span_metrics, spans, spm,
};

const PAGE: &str = include_str!("../../../../docs/troubleshooting.md");
/// What stands for the link where that is each part's own.
const PART: &str = "PART";
/// The same where it is any.
const ANY: &str = "any link";

/// Each finding that can be, with the link that has it.
fn findings() -> Vec<(&'static str, Finding)> {
    let of_links = [
        (Link::Clocks, clocks::tests::findings()),
        (Link::Spans, probe::tests::findings()),
        (Link::Spans, spans::cause::tests::findings()),
        (Link::Logs, logs::tests::findings()),
        (Link::SpanMetrics, span_metrics::tests::findings()),
        (Link::ServiceGraph, service_graph::tests::findings()),
        (Link::Exemplars, exemplars::tests::findings()),
        (Link::Spm, spm::tests::findings()),
        (Link::Ports, ports::tests::findings()),
    ];
    let named = [
        (PART, parts::tests::findings()),
        (ANY, api::tests::findings()),
        (ANY, vec![late()]),
        ("grafana-UID", grafana::tests::findings()),
    ];
    let of_machine = machine::tests::findings();
    let of_machine = of_machine.into_iter().map(|(link, finding)| (link.name(), finding));
    let of_links = of_links.into_iter().map(|(link, findings)| (link.name(), findings));
    let listed = of_links.chain(named);
    let listed = listed.flat_map(|(name, all)| all.into_iter().map(move |finding| (name, finding)));
    listed.chain(of_machine).collect()
}

#[test]
fn the_page_has_each_cause_and_fix_that_the_doctor_tells_and_no_other() {
    let findings = findings();
    let row = |(name, Finding { cause, fix, .. }): &_| format!("| `{name}` | {cause} | {fix} |");
    let told: BTreeSet<String> = findings.iter().map(row).collect();
    let names: Vec<_> = findings.iter().map(|(name, _)| format!("| `{name}` |")).collect();
    let is_told = |line: &&str| names.iter().any(|name| line.starts_with(name));
    let shown: BTreeSet<String> = PAGE.lines().filter(is_told).map(str::to_owned).collect();
    let lines = |rows: Vec<&String>| rows.iter().map(|row| format!("\n{row}")).collect::<String>();
    let missing = lines(told.difference(&shown).collect());
    let other = lines(shown.difference(&told).collect());
    assert!(missing.is_empty() && other.is_empty(), "lacking:{missing}\n\ntoo many:{other}");
}

#[test]
fn the_page_has_each_link_of_the_whole_lab() {
    let all = [With::Jaeger, With::Collector, With::Prometheus, With::Loki, With::Grafana];
    for link in Link::of(&all) {
        let uid = link.name().starts_with("grafana-").then_some("grafana-UID");
        let name = if link.port().is_some() { PART } else { uid.unwrap_or(link.name()) };
        assert!(findings().iter().any(|(other, _)| *other == name), "{name}");
    }
}

#[test]
fn each_place_where_a_finding_is_made_is_among_them() {
    let seen: BTreeSet<_> =
        findings().iter().map(|(_, finding)| (finding.at.file(), finding.at.line())).collect();
    let mut made = 0;
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.join("doctor")];
    let mut files = vec![src.join("doctor.rs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files.iter().filter(|file| !file.ends_with("page.rs")) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("mod tests {").next().unwrap();
        for (number, line) in (1..).zip(code.lines()) {
            if line.contains("Finding::new(") {
                let is_seen = seen.iter().any(|(other, at)| file.ends_with(other) && *at == number);
                assert!(is_seen, "{}:{number}", file.display());
                made += 1;
            }
        }
    }
    assert!(made > 0);
}
