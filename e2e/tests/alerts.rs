//! Each alert says what a reader needs, is tested, and is in the documentation.

use std::collections::BTreeSet;
use std::fs;

use e2e::files::{read_folder, repository};
use serde_json::Value;

const KINDS: [&str; 3] = ["slo", "saturation", "availability"];
const SEVERITIES: [&str; 2] = ["page", "ticket"];

#[test]
fn each_alert_has_its_kind_its_severity_and_a_first_step() {
    for alert in alerts() {
        let (labels, annotations) = (&alert["labels"], &alert["annotations"]);
        assert!(KINDS.iter().any(|kind| labels["kind"] == *kind), "{alert}");
        assert!(SEVERITIES.iter().any(|severity| labels["severity"] == *severity), "{alert}");
        for annotation in ["summary", "description", "runbook"] {
            assert!(
                annotations[annotation].as_str().is_some_and(|text| !text.is_empty()),
                "{alert}"
            );
        }
    }
}

#[test]
fn each_alert_is_in_the_documentation_with_its_severity_and_nothing_else_is() {
    let page = fs::read_to_string(repository().join("docs/alerts.md")).unwrap();
    let documented: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or_default()))
        .collect();
    let alerts = alerts();
    let known =
        alerts.iter().map(|alert| (name(alert), alert["labels"]["severity"].as_str().unwrap()));
    assert_eq!(documented, known.collect());
}

/// What a test expects of `ALERTS` at a time is one series or more, or none.
#[test]
fn a_test_lets_each_alert_fire_and_another_sees_it_silent() {
    let files = read_folder("prometheus/tests", "yml").unwrap();
    let tests = files.iter().flat_map(|(_, file)| file["tests"].as_array().unwrap());
    let checks: Vec<_> = tests
        .flat_map(|test| test["promql_expr_test"].as_array().unwrap())
        .map(|check| (check["expr"].as_str().unwrap(), check["exp_samples"].as_array().unwrap()))
        .collect();
    for alert in alerts() {
        let expr = format!("ALERTS{{alertname=\"{}\", alertstate=\"firing\"}}", name(&alert));
        for fires in [true, false] {
            let tested =
                checks.iter().any(|(own, expected)| *own == expr && expected.is_empty() != fires);
            assert!(tested, "no test where it is {fires} that {expr}");
        }
    }
}

fn alerts() -> Vec<Value> {
    let files = read_folder("prometheus/rules", "yml").unwrap();
    let groups = files.iter().flat_map(|(_, file)| file["groups"].as_array().unwrap());
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let alerts: Vec<_> = rules.filter(|rule| rule.get("alert").is_some()).cloned().collect();
    assert!(!alerts.is_empty());
    alerts
}

fn name(alert: &Value) -> &str {
    alert["alert"].as_str().unwrap()
}
