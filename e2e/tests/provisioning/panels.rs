//! What all dashboards and panels have in common.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::grafana::Files;

/// Log lines have no unit.
const WITHOUT_UNIT: [&str; 1] = ["logs"];
/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

pub fn complaints(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, dashboard) in &files.dashboards {
        let mut wrong = dashboard_complaints(path, dashboard);
        let panels: Vec<_> = dashboard["panels"].as_array().into_iter().flatten().collect();
        for (index, panel) in panels.iter().enumerate() {
            let title = panel["title"].as_str().unwrap_or_default();
            wrong.extend(panel_complaints(panel).iter().map(|wrong| format!("{title}: {wrong}")));
            for other in &panels[..index] {
                if panel["id"] == other["id"] {
                    wrong.push(format!("{title}: id {} is there twice", panel["id"]));
                }
                if overlap(&panel["gridPos"], &other["gridPos"]) {
                    wrong.push(format!("{title}: overlaps {}", other["title"]));
                }
            }
        }
        complaints.extend(wrong.iter().map(|wrong| format!("{}: {wrong}", path.display())));
    }
    complaints
}

fn dashboard_complaints(path: &Path, dashboard: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if path.file_stem().and_then(|stem| stem.to_str()) != dashboard["uid"].as_str() {
        wrong.push(format!("uid is {}", dashboard["uid"]));
    }
    for (key, expected) in [
        ("refresh", "5s"),
        ("/time/from", "now-15m"),
        ("/time/to", "now"),
        // By which the dashboards link to each other.
        ("/tags/0", "lab"),
        ("/links/0/tags/0", "lab"),
    ] {
        let pointer = if key.starts_with('/') { key.to_owned() } else { format!("/{key}") };
        let value = dashboard.pointer(&pointer).and_then(Value::as_str);
        if value != Some(expected) {
            wrong.push(format!("{key} is {value:?}, not {expected}"));
        }
    }
    wrong
}

fn panel_complaints(panel: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let given = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    if !given(&panel["title"]) {
        wrong.push("no title".to_owned());
    }
    let kind = panel["type"].as_str().unwrap_or_default();
    if kind == "row" {
        return wrong;
    }
    if !given(&panel["description"]) {
        wrong.push("no description".to_owned());
    }
    let unit = &panel["fieldConfig"]["defaults"]["unit"];
    if !given(unit) && !WITHOUT_UNIT.contains(&kind) {
        wrong.push("no unit".to_owned());
    }
    let position = &panel["gridPos"];
    if number(&position["x"]) + number(&position["w"]) > COLUMNS {
        wrong.push(format!("ends beyond column {COLUMNS}"));
    }

    let targets: Vec<_> = panel["targets"].as_array().into_iter().flatten().collect();
    let shown = panel["targets"].to_string();
    if kind == "timeseries"
        && shown.contains("traces_span_metrics_duration")
        && !targets.iter().any(|target| target["exemplar"] == true)
    {
        wrong.push("no exemplar, the way from a latency to a trace".to_owned());
    }
    let mut names = BTreeSet::new();
    for target in targets {
        if !names.insert(target["refId"].as_str()) {
            wrong.push(format!("refId {} is there twice", target["refId"]));
        }
        let expression = target["expr"].as_str().unwrap_or_default();
        // The rate's window is four intervals. By default it is four of the shortest scrape's, in which a target that
        // is scraped less often has a single sample.
        if expression.contains("$__rate_interval") && !given(&target["interval"]) {
            wrong.push(format!("no interval for {expression}"));
        }
        if expression.contains("vector(0)") {
            wrong.push(format!("vector(0) hides that there is nothing: {expression}"));
        }
    }
    wrong
}

fn overlap(one: &Value, other: &Value) -> bool {
    let apart = |start: &str, size: &str| {
        number(&one[start]) + number(&one[size]) <= number(&other[start])
            || number(&other[start]) + number(&other[size]) <= number(&one[start])
    };
    !apart("x", "w") && !apart("y", "h")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
