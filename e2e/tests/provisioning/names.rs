//! Names of metrics. They are made in the Collector, and used in Jaeger, in rules and in
//! dashboards; where two of these disagree, there is no error, only nothing to see.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::grafana::Files;

pub fn complaints(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    let connector = &files.collector["connectors"]["spanmetrics"];
    let exporter = &files.collector["exporters"]["prometheus"];
    let jaeger = &files.jaeger["extensions"]["jaeger_storage"]["metric_backends"]["prometheus"]["prometheus"];

    let namespace = connector["namespace"].as_str().unwrap_or_default().replace('.', "_");
    let unit = connector["histogram"]["unit"].as_str().unwrap_or_default();
    if exporter.get("namespace").is_some() {
        complaints.push("the Collector's exporter has a namespace".to_owned());
    }
    for (key, expected) in [
        ("metric_namespace", Value::from(namespace.as_str())),
        ("latency_unit", Value::from(unit)),
        ("normalize_calls", Value::from(true)),
        ("normalize_duration", Value::from(true)),
    ] {
        if jaeger[key] != expected {
            complaints.push(format!("Jaeger's {key} is {}, not {expected}", jaeger[key]));
        }
    }

    // What the Collector's exporter makes of both.
    let unit = if unit == "s" { "seconds" } else { "milliseconds" };
    let histogram = format!("{namespace}_duration_{unit}");
    let made: BTreeSet<_> = ["bucket", "count", "sum"]
        .map(|part| format!("{histogram}_{part}"))
        .into_iter()
        .chain([format!("{namespace}_calls_total")])
        .collect();
    let recorded: BTreeSet<_> = files.queries.iter().map(|query| query.title.as_str()).collect();
    let mut used = BTreeSet::new();
    for query in files.queries.iter().filter(|query| query.datasource == "prometheus") {
        for name in names(&query.expression) {
            let wrong = if name.contains(':') {
                !recorded.contains(name)
            } else {
                // Counters of calls and the times of spans are the Collector's alone.
                (name.ends_with("_calls_total") || name.starts_with("traces_span_metrics_"))
                    && !made.contains(name)
            };
            if wrong {
                let source = query.source.display();
                complaints.push(format!("{source}: {}: nobody makes {name}", query.title));
            }
            used.insert(name);
        }
    }
    for name in [format!("{namespace}_calls_total"), format!("{histogram}_bucket")] {
        if !used.contains(name.as_str()) {
            complaints.push(format!("no query uses {name}"));
        }
    }
    complaints.extend(mixed_groups(files));
    complaints
}

/// The groups of rules whose samples a dashboard counts as alerts, but that record something too.
fn mixed_groups(files: &Files) -> Vec<String> {
    let groups = files.rules.iter().flat_map(|(_, file)| file["groups"].as_array().unwrap());
    let counted = groups.filter(|group| {
        let name = group["name"].as_str().unwrap_or_default();
        name == "availability" || name.starts_with("saturation-")
    });
    let mixed = counted.filter(|group| {
        group["rules"].as_array().unwrap().iter().any(|rule| rule.get("record").is_some())
    });
    mixed.map(|group| format!("the group {} does not only alert", group["name"])).collect()
}

/// The words of an expression outside of quotes: its metrics, labels, functions and keywords.
fn names(expression: &str) -> Vec<&str> {
    let outside = expression.split('"').step_by(2);
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    outside.flat_map(|text| text.split(move |c| !part_of_name(c))).collect()
}
