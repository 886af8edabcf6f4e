use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::{Query, items, text};

/// The queries of a dashboard: of its panels, of their links to Explore, and of its variables.
pub(super) fn queries(source: &Path, dashboard: &Value) -> anyhow::Result<Vec<Query>> {
    let mut queries = Vec::new();
    for panel in items(dashboard, "panels")? {
        // A row has no queries.
        for target in panel["targets"].as_array().into_iter().flatten() {
            let datasource = text(&target["datasource"], "uid")?;
            queries.push(query(source, text(panel, "title")?, datasource, target)?);
        }
        for link in links(panel) {
            let Some(internal) = link.get("internal") else { continue };
            let title = format!("{}, link {}", text(panel, "title")?, text(link, "title")?);
            queries.push(query(
                source,
                title,
                text(internal, "datasourceUid")?,
                &internal["query"],
            )?);
        }
    }
    for variable in items(&dashboard["templating"], "list")? {
        queries.push(Query {
            source: source.to_owned(),
            title: format!("variable {}", text(variable, "name")?),
            datasource: text(&variable["datasource"], "uid")?,
            ref_id: text(&variable["query"], "refId")?,
            expression: values_of_label(&text(&variable["query"], "query")?)?,
        });
    }
    Ok(queries)
}

/// The links of a panel's values.
pub(super) fn links(panel: &Value) -> impl Iterator<Item = &Value> {
    let config = &panel["fieldConfig"];
    let properties = config["overrides"].as_array().into_iter().flatten();
    let overrides = properties
        .flat_map(|rule| rule["properties"].as_array().into_iter().flatten())
        .filter(|property| property["id"] == "links")
        .map(|property| &property["value"]);
    std::iter::once(&config["defaults"]["links"])
        .chain(overrides)
        .flat_map(|links| links.as_array().into_iter().flatten())
}

fn query(source: &Path, title: String, datasource: String, query: &Value) -> anyhow::Result<Query> {
    // Jaeger's queries have fields in place of an expression.
    let expression = match query.get("expr") {
        Some(_) => text(query, "expr")?,
        None => query.to_string(),
    };
    let ref_id = text(query, "refId")?;
    Ok(Query { source: source.to_owned(), title, datasource, ref_id, expression })
}

/// PromQL with a series for each value that Grafana's `label_values(SELECTOR, LABEL)` lists.
fn values_of_label(query: &str) -> anyhow::Result<String> {
    let (selector, label) = query
        .strip_prefix("label_values(")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|arguments| arguments.rsplit_once(','))
        .with_context(|| format!("reading {query} as label_values(SELECTOR, LABEL)"))?;
    Ok(format!("group by ({}) ({selector})", label.trim()))
}
