use std::path::Path;

use serde_json::Value;

use super::{Query, items, text};

/// The queries that the links of provisioned data sources make of a span.
pub(super) fn queries(source: &Path, provisioned: &Value) -> anyhow::Result<Vec<Query>> {
    let mut queries = Vec::new();
    for datasource in items(provisioned, "datasources")? {
        let settings = &datasource["jsonData"];
        let link = |title: String, link: &Value, query: &Value| {
            anyhow::Ok(Query {
                source: source.to_owned(),
                title,
                datasource: text(link, "datasourceUid")?,
                ref_id: String::new(),
                // In provisioning, two dollars stand for one.
                expression: text(query, "query")?.replace("$$", "$"),
            })
        };
        if let Some(logs) = settings.get("tracesToLogsV2") {
            queries.push(link("trace to logs".to_owned(), logs, logs)?);
        }
        if let Some(metrics) = settings.get("tracesToMetrics") {
            for query in items(metrics, "queries")? {
                let title = format!("trace to metrics, {}", text(query, "name")?);
                queries.push(link(title, metrics, query)?);
            }
        }
    }
    Ok(queries)
}
