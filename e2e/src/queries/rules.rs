use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::{Query, items, text};

/// The expressions of a file of Prometheus's rules.
pub(super) fn queries(source: &Path, file: &Value) -> anyhow::Result<Vec<Query>> {
    let mut queries = Vec::new();
    for group in items(file, "groups")? {
        for rule in items(group, "rules")? {
            let name = rule.get("record").or_else(|| rule.get("alert")).and_then(Value::as_str);
            queries.push(Query {
                source: source.to_owned(),
                title: name.context("finding a rule's name")?.to_owned(),
                datasource: "prometheus".to_owned(),
                ref_id: String::new(),
                expression: text(rule, "expr")?,
            });
        }
    }
    Ok(queries)
}
