//! Where links lead: Grafana shows nothing, and says nothing, when the other end does not exist.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::grafana::{Files, objects};

pub fn complaints(files: &Files) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut kinds = BTreeMap::new();
    for (path, source) in files.sources() {
        let (uid, kind) = (string(&source["uid"]), string(&source["type"]));
        if kinds.insert(uid, kind).is_some() {
            complaints.push(format!("{}: the uid {uid} is there twice", path.display()));
        }
    }

    let everything = files.datasources.iter().chain(&files.dashboards);
    for (path, file) in everything {
        objects(file, &mut |object| {
            for (uid, kind) in references(object) {
                if kinds.get(uid).is_none_or(|known| kind.is_some_and(|kind| kind != *known)) {
                    complaints.push(format!("{}: no data source {uid} {kind:?}", path.display()));
                }
            }
        });
    }

    let dashboards: BTreeSet<_> = files.dashboards.iter().map(|(_, d)| string(&d["uid"])).collect();
    for (path, dashboard) in &files.dashboards {
        objects(dashboard, &mut |object| {
            let Some(target) = object["url"].as_str().and_then(|url| url.strip_prefix("/d/"))
            else {
                return;
            };
            if !dashboards.contains(target.split('?').next().unwrap_or(target)) {
                complaints.push(format!("{}: no dashboard for /d/{target}", path.display()));
            }
        });
    }

    for (path, source) in files.sources() {
        let kind = string(&source["type"]);
        let mut wrong = Vec::new();
        let url = format!("${{{}_URL}}", kind.to_uppercase());
        wrong.extend((source["url"] != url.as_str()).then(|| format!("url is {}", source["url"])));
        let settings = &source["jsonData"];
        let to = |link: &Value| *kinds.get(string(&link["datasourceUid"])).unwrap_or(&"");
        match kind {
            "prometheus" => wrong.extend(exemplars(settings, to)),
            "loki" => wrong.extend(derived_fields(settings, to)),
            "jaeger" => wrong.extend(spans(settings, to)),
            _ => wrong.push("no check for this type".to_owned()),
        }
        complaints.extend(wrong.iter().map(|wrong| format!("{}: {wrong}", path.display())));
    }
    complaints
}

/// The uids that an object itself refers to, with the type where it is told.
fn references(object: &Value) -> Vec<(&str, Option<&str>)> {
    let mut references = Vec::new();
    if let Some(uid) = object.get("datasourceUid") {
        references.push((string(uid), None));
    }
    if let Some(source) = object.get("datasource") {
        references.push((string(&source["uid"]), Some(string(&source["type"]))));
    }
    references
}

/// From an exemplar to its trace.
fn exemplars<'a>(settings: &Value, to: impl Fn(&Value) -> &'a str) -> Vec<String> {
    let destinations = list(&settings["exemplarTraceIdDestinations"]);
    let mut wrong = Vec::new();
    if destinations.is_empty() {
        wrong.push("no exemplarTraceIdDestinations".to_owned());
    }
    for destination in destinations {
        // The label that the Collector gives its exemplars.
        if destination["name"] != "trace_id" || to(destination) != "jaeger" {
            wrong.push(format!("exemplars' trace_id does not lead to Jaeger: {destination}"));
        }
    }
    wrong
}

/// From a log line to its trace.
fn derived_fields<'a>(settings: &Value, to: impl Fn(&Value) -> &'a str) -> Vec<String> {
    let fields = list(&settings["derivedFields"]);
    let mut wrong = Vec::new();
    if fields.is_empty() {
        wrong.push("no derivedFields".to_owned());
    }
    for field in fields {
        // Structured metadata counts as a label here. The default looks at the line's text.
        if field["matcherType"] != "label" || field["matcherRegex"] != "trace_id" {
            wrong.push(format!("matcherType and matcherRegex don't find the trace_id: {field}"));
        }
        if to(field) != "jaeger" {
            wrong.push(format!("a log line's trace_id does not lead to Jaeger: {field}"));
        }
        if field["url"] != "$${__value.raw}" {
            wrong.push(format!("the query is not $${{__value.raw}}: {field}"));
        }
    }
    wrong
}

/// From a span to its logs and its operation's metrics.
fn spans<'a>(settings: &Value, to: impl Fn(&Value) -> &'a str) -> Vec<String> {
    let mut wrong = Vec::new();
    let (logs, metrics) = (&settings["tracesToLogsV2"], &settings["tracesToMetrics"]);
    if to(logs) != "loki" || to(metrics) != "prometheus" {
        wrong.push(format!("logs lead to {}, metrics to {}", to(logs), to(metrics)));
    }
    let query = string(&logs["query"]);
    if logs["customQuery"] != true || !query.contains(r#"| trace_id = "$${__trace.traceId}""#) {
        wrong.push(format!("logs are not asked for by the structured metadata trace_id: {query}"));
    }
    let queries = list(&metrics["queries"]).iter().map(|own| string(&own["query"]));
    let queries: Vec<_> = std::iter::once(query).chain(queries).collect();
    if queries.len() < 2 || queries.iter().any(|query| !query.contains("$${__tags}")) {
        wrong.push(format!("a query does not select by $${{__tags}}: {queries:?}"));
    }
    let label = |link: &Value, key: &str| {
        let tags = list(&link["tags"]);
        tags.iter().find(|tag| tag["key"] == key).map(|tag| string(&tag["value"]).to_owned())
    };
    for (link, key, expected) in [
        (logs, "service.name", "service_name"),
        (metrics, "service.name", "service_name"),
        (metrics, "name", "span_name"),
    ] {
        if label(link, key).as_deref() != Some(expected) {
            wrong.push(format!("{key} is not mapped to the label {expected}: {}", link["tags"]));
        }
    }
    if settings["nodeGraph"]["enabled"] != true {
        wrong.push("the node graph is off".to_owned());
    }
    wrong
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
