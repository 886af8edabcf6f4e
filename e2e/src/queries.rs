//! The queries that the repository's files hold: dashboards, their variables and links, the links
//! of data sources, and Prometheus's rules. Tests run them all, so that none can be broken in
//! silence.

mod dashboards;
mod links;
mod rules;
mod variables;

use std::path::PathBuf;

use anyhow::Context;
use serde_json::Value;

use crate::files::read_folder;

/// A query as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The file, relative to the repository's root.
    pub source: PathBuf,
    /// Where in the file: a panel's title, a variable's, link's or rule's name.
    pub title: String,
    /// Uid of the data source that is asked.
    pub datasource: String,
    /// The query's name among those of its panel; empty for a data source's link and a rule.
    pub ref_id: String,
    /// PromQL, LogQL, or for Jaeger the query's JSON; Grafana's variables are not expanded.
    pub expression: String,
}

/// Every query of the repository, in the order of the files.
///
/// # Errors
/// When a file cannot be read or has another shape than Grafana or Prometheus gives it.
pub fn all() -> anyhow::Result<Vec<Query>> {
    let mut queries = Vec::new();
    for (source, dashboard) in read_folder("grafana/dashboards", "json")? {
        queries.extend(dashboards::queries(&source, &dashboard)?);
    }
    for (source, provisioned) in read_folder("grafana/provisioning/datasources", "yaml")? {
        queries.extend(links::queries(&source, &provisioned)?);
    }
    for (source, groups) in read_folder("prometheus/rules", "yml")? {
        queries.extend(rules::queries(&source, &groups)?);
    }
    Ok(queries)
}

/// The items of an array that must be there.
fn items<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a [Value]> {
    let items = value[key].as_array().with_context(|| format!("finding the list {key}"))?;
    Ok(items)
}

/// A text that must be there.
fn text(value: &Value, key: &str) -> anyhow::Result<String> {
    let text = value[key].as_str().with_context(|| format!("finding the text {key} in {value}"))?;
    Ok(text.to_owned())
}
