//! The links that Grafana shows beside each span of a trace.

use anyhow::{Context, ensure};
use e2e::ask::Span;
use e2e::queries::Query;
use e2e::{NativeLab, eventually};
use serde_json::Value;

use super::{settings, text};
use crate::truth::lines;

/// Each span leads to the lines that its service printed in this trace.
pub async fn leads_to_its_logs(lab: &NativeLab, spans: &[Span]) -> anyhow::Result<()> {
    let settings = settings("jaeger")?;
    let link = &settings["tracesToLogsV2"];
    ensure!(link["datasourceUid"] == "loki" && link["customQuery"] == true, "it leads by {link}");
    for span in spans {
        let logql = expand(link, link, span)?;
        let printed = lines(lab).into_iter();
        let printed =
            printed.filter(|line| (&*line.part, &*line.trace) == (&*span.service, &*span.trace));
        let printed = printed.count();
        ensure!(printed > 0, "{} printed no line in trace {}", span.service, span.trace);
        eventually(&format!("Loki has {printed} lines of {logql}"), async || {
            let found = lab.loki().lines(&logql, range(link, span)?).await?;
            Ok((found.len() == printed).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Each span leads to numbers of its operation.
pub async fn leads_to_its_metrics(lab: &NativeLab, spans: &[Span]) -> anyhow::Result<()> {
    let settings = settings("jaeger")?;
    let link = &settings["tracesToMetrics"];
    ensure!(link["datasourceUid"] == "prometheus", "it leads to {link}");
    for span in spans {
        for query in link["queries"].as_array().context("finding the queries")? {
            let promql = expand(link, query, span)?;
            let [start, end] = range(link, span)?;
            eventually(&format!("Prometheus has {promql}"), async || {
                let series = lab.prometheus().range(&promql, [start, end, 5.0]).await?;
                let mut points = series.iter().flat_map(|series| &series.points);
                Ok(points.any(|(_, value)| !value.is_nan()).then_some(()))
            })
            .await?;
        }
    }
    Ok(())
}

/// The query of `link`, with the values of the span in place of the variables. Of the span's
/// attributes, those of its resource, and its name as `name`, the tags that the link lists are
/// matched under the names that it gives them.
fn expand(link: &Value, query: &Value, span: &Span) -> anyhow::Result<String> {
    let mut tags = Vec::new();
    for tag in link["tags"].as_array().context("finding the tags")? {
        let value = match text(tag, "key")? {
            "name" => Some(&span.name),
            key => span.attributes.get(key),
        };
        let label = text(tag, "value")?;
        tags.extend(value.map(|value| format!("{label}=\"{value}\"")));
    }
    let query = Query {
        source: "grafana/provisioning/datasources/jaeger.yaml".into(),
        title: "a link of a span".to_owned(),
        datasource: text(link, "datasourceUid")?.to_owned(),
        ref_id: String::new(),
        expression: text(query, "query")?.replace("$$", "$"),
    };
    query.expand(&[("__tags", &tags.join(", ")), ("__trace.traceId", &span.trace)])
}

/// The times of the span, shifted, in seconds since the epoch.
fn range(link: &Value, span: &Span) -> anyhow::Result<[f64; 2]> {
    let shift = |key| {
        let minutes = text(link, key)?.strip_suffix('m').context("reading minutes")?;
        anyhow::Ok(minutes.parse::<f64>()? * 60.0)
    };
    let start = span.start as f64 / 1e9 + shift("spanStartTimeShift")?;
    Ok([start, span.end as f64 / 1e9 + shift("spanEndTimeShift")?])
}
